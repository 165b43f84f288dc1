namespace DatasetCache.Configuration;

/// <summary>Collects what is wrong, so that a person hears of everything at once.</summary>
internal sealed class SettingErrors
{
    private readonly List<(string Setting, string Message)> errors = [];

    public IReadOnlyList<(string Setting, string Message)> All => errors;

    public void Add(string setting, string message) => errors.Add((setting, message));

    public void Add(ResolvedSetting resolved, string expected) =>
        Add(resolved.Setting.Name, $"{resolved.Setting.Name} is '{resolved.Shown}' ({resolved.Source}); it must be {expected}.");

    /// <exception cref="ConfigurationException">Something was wrong.</exception>
    public void ThrowIfAny()
    {
        if (errors.Count == 1)
            throw new ConfigurationException(errors[0].Setting, errors[0].Message);
        if (errors.Count > 1)
            throw new ConfigurationException(errors[0].Setting,
                $"{errors.Count} settings are wrong:\n" + string.Join('\n', errors.Select(error => "- " + error.Message)));
    }
}
