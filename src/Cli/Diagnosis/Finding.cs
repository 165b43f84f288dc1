namespace DatasetCache.Cli.Diagnosis;

internal enum Verdict
{
    Ok,
    Warn,
    Fail,
}

/// <summary>What one check of <c>dscache doctor</c> found, and what to do about it.</summary>
internal sealed record Finding(string Check, Verdict Verdict, string Detail, string? Advice = null, ErrorCode? Code = null)
{
    public static Finding Ok(string check, string detail) => new(check, Verdict.Ok, detail);

    public static Finding Warn(string check, string detail, string advice) => new(check, Verdict.Warn, detail, advice);

    public static Finding Fail(string check, string detail, string? advice, ErrorCode code) => new(check, Verdict.Fail, detail, advice, code);

    public static Finding Fail(string check, Exception exception) => exception switch
    {
        DatasetCacheException known => Fail(check, known.Message, known.Advice, known.Code),
        IOException or UnauthorizedAccessException => Fail(check, exception.Message, "Check the disk and the folder's permissions.", ErrorCode.StorageFailed),
        _ => Fail(check, exception.ToString(), "Please report this as a defect.", ErrorCode.Internal),
    };
}

internal sealed record FindingLine(string Check, string Verdict, string Detail, string? Advice)
{
    public static FindingLine Of(Finding finding) => new(finding.Check, Word(finding.Verdict), finding.Detail, finding.Advice);

    public static string Word(Verdict verdict) => verdict switch
    {
        Diagnosis.Verdict.Ok => "ok",
        Diagnosis.Verdict.Warn => "warn",
        _ => "fail",
    };
}

internal sealed record DoctorDocument(IReadOnlyList<FindingLine> Checks, int ExitCode);
