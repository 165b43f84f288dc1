using System.Collections.Immutable;
using System.Reflection;
using DatasetCache.Coordination;
using Xunit;

namespace DatasetCache.Grains.Tests.Contracts;

public sealed class ContractTests
{
    private static readonly Type[] All = typeof(IDatasetGrain).Assembly.GetExportedTypes();

    private static IEnumerable<Type> GrainInterfaces => All.Where(type => type.IsInterface && typeof(IGrain).IsAssignableFrom(type));

    private static IEnumerable<Type> Messages => All.Where(type => type.GetCustomAttribute<GenerateSerializerAttribute>() is not null);

    [Fact]
    public void No_contract_carries_data()
    {
        Type[] data = [typeof(byte[]), typeof(Memory<byte>), typeof(ReadOnlyMemory<byte>), typeof(ImmutableArray<byte>), typeof(ArraySegment<byte>)];
        var found = GrainInterfaces.SelectMany(type => type.GetMethods()).SelectMany(method => method.GetParameters().Select(parameter => parameter.ParameterType).Append(method.ReturnType))
            .Concat(Messages.SelectMany(Members))
            .SelectMany(Within)
            .Where(type => data.Contains(type) || typeof(Stream).IsAssignableFrom(type) || (type.IsGenericType && type.GetGenericArguments() is [var one] && one == typeof(byte)))
            .ToArray();

        Assert.NotEmpty(GrainInterfaces);
        Assert.Empty(found);
    }

    [Fact]
    public void Every_interface_and_method_has_an_alias_and_takes_one_cancellation_token_at_most_as_its_last()
    {
        foreach (var type in GrainInterfaces)
        {
            Assert.NotNull(type.GetCustomAttribute<AliasAttribute>());
            foreach (var method in type.GetMethods())
            {
                Assert.True(method.GetCustomAttribute<AliasAttribute>() is not null, $"{type.Name}.{method.Name} has no alias");
                Assert.DoesNotContain(method.GetParameters().SkipLast(1), parameter => parameter.ParameterType == typeof(CancellationToken));
            }
            Assert.Distinct(type.GetMethods().Select(method => method.GetCustomAttribute<AliasAttribute>()!.Alias));
        }
    }

    [Fact]
    public void Every_message_is_immutable_and_has_an_alias_and_every_member_a_number_of_its_own()
    {
        Assert.NotEmpty(Messages);
        Assert.Distinct(Messages.Select(type => type.GetCustomAttribute<AliasAttribute>()?.Alias ?? throw new InvalidOperationException($"{type.Name} has no alias")));
        foreach (var type in Messages.Where(type => !type.IsEnum))
        {
            if (!typeof(Exception).IsAssignableFrom(type))
                Assert.True(type.GetCustomAttribute<ImmutableAttribute>() is not null, $"{type.Name} is not [Immutable]");
            var properties = type.GetProperties(BindingFlags.Instance | BindingFlags.Public | BindingFlags.DeclaredOnly);
            Assert.All(properties, property => Assert.True(property.GetCustomAttribute<IdAttribute>() is not null, $"{type.Name}.{property.Name} has no [Id]"));
            Assert.Distinct(properties.Select(property => property.GetCustomAttribute<IdAttribute>()!.Id));
        }
    }

    [Theory]
    [InlineData(typeof(ManifestRequest), typeof(ManifestRequestMessage))]
    [InlineData(typeof(ManifestReply), typeof(ManifestReplyMessage))]
    [InlineData(typeof(MemberReport), typeof(MemberReportMessage))]
    [InlineData(typeof(MemberReply), typeof(MemberReplyMessage))]
    [InlineData(typeof(Assignment), typeof(AssignmentMessage))]
    [InlineData(typeof(CompletedPiece), typeof(CompletedPieceMessage))]
    [InlineData(typeof(FailedPiece), typeof(FailedPieceMessage))]
    [InlineData(typeof(PartialPiece), typeof(PartialPieceMessage))]
    [InlineData(typeof(ReplicaReport), typeof(ReplicaReportMessage))]
    [InlineData(typeof(ReplicaReply), typeof(ReplicaReplyMessage))]
    [InlineData(typeof(EvictionRequest), typeof(EvictionRequestMessage))]
    [InlineData(typeof(EvictionReply), typeof(EvictionReplyMessage))]
    [InlineData(typeof(NodeHolding), typeof(NodeHoldingMessage))]
    [InlineData(typeof(ManifestDecision), typeof(ManifestDecisionMessage))]
    [InlineData(typeof(PieceFailure), typeof(PieceFailureMessage))]
    internal void A_message_says_all_that_the_coordination_says(Type said, Type message)
    {
        var names = said.IsEnum ? Enum.GetNames(said) : [.. said.GetProperties().Select(property => property.Name)];
        var carried = said.IsEnum ? Enum.GetNames(message) : [.. message.GetProperties().Select(property => property.Name)];

        Assert.Equal(names.Except(["EqualityContract"], StringComparer.Ordinal).Order(StringComparer.Ordinal), carried.Order(StringComparer.Ordinal));
    }

    private static IEnumerable<Type> Members(Type type)
        => type.GetMembers(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
            .Select(member => member is FieldInfo field ? field.FieldType : (member as PropertyInfo)?.PropertyType)
            .OfType<Type>();

    private static IEnumerable<Type> Within(Type type)
        => [type, .. type.IsArray ? Within(type.GetElementType()!) : [], .. type.IsGenericType ? type.GetGenericArguments().SelectMany(Within) : []];
}
