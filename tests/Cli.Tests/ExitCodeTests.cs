using DatasetCache.Origins;
using Xunit;

namespace DatasetCache.Cli.Tests;

public sealed class ExitCodeTests
{
    [Fact]
    public void Every_error_has_an_exit_code_of_its_own()
    {
        var codes = Enum.GetValues<ErrorCode>().Select(ExitCode.Of).ToArray();

        Assert.Equal(codes.Length, codes.Distinct().Count());
        Assert.DoesNotContain(ExitCode.Ok, codes);
        Assert.All(codes, code => Assert.InRange(code, 64, 78));
    }

    [Fact]
    public void The_table_documents_every_code_once_and_agrees_about_retries()
    {
        var table = ExitCode.Table.ToDictionary(line => line.Code);

        Assert.All(Samples, sample => Assert.Equal(sample.IsWorthRetrying, table[ExitCode.Of(sample.Code)].Retry));
        Assert.Equal(Enum.GetValues<ErrorCode>().Except([ErrorCode.Internal]).Order(), Samples.Select(sample => sample.Code).Order());
        Assert.False(table[ExitCode.Internal].Retry);
    }

    private static DatasetCacheException[] Samples =>
    [
        new InvalidRequestException("x"), new ConfigurationException("x", "x"), new DatasetNotFoundException("x"),
        new OriginException(OriginFailure.AccessDenied, "x"), new OriginException(OriginFailure.Network, "x"), new OriginException(OriginFailure.Changed, "x"),
        new OriginException(OriginFailure.Rejected, "x"),
        new IntegrityException("x"), new NoSpaceException("x", 2, 1), new LockTimeoutException("x"), new StorageException("x"),
    ];
}
