namespace DatasetCache.Grains;

/// <summary>A silo did not do what it was asked to, because the caller has not shown that he may ask.</summary>
[GenerateSerializer, Alias("dscache.callRefused")]
public sealed class CallRefusedException(string message) : Exception(message);
