namespace DatasetCache.Origins;

/// <summary>Turns what a user writes into an origin.</summary>
public interface IOriginFactory
{
    /// <summary>
    /// The origin that <c>s3://bucket[/prefix]</c> or a folder names (null: the configured default), and the prefix within it, empty or ending in '/'.
    /// Does no I/O and loads no SDK; the same name gives the same instance, which the factory owns.
    /// </summary>
    /// <exception cref="ConfigurationException">A setting that this origin needs is missing or wrong.</exception>
    (IOrigin Origin, string Prefix) Open(string? origin);
}
