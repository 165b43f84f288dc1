namespace DatasetCache.Integrity;

/// <summary>The origin cannot give back what an entry held. Never leaves <see cref="Healer"/>.</summary>
/// <param name="distrust">What has been fetched must not be mixed with anything.</param>
internal sealed class BeyondHealingException(string message, bool distrust = false, bool sourceChanged = true) : Exception(message)
{
    public bool Distrust { get; } = distrust;

    public bool SourceChanged { get; } = sourceChanged;
}
