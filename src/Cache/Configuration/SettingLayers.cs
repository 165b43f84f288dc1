namespace DatasetCache.Configuration;

/// <summary>Finds for each setting the strongest place that has it: flags, environment, files, defaults.</summary>
internal sealed class SettingLayers(
    IReadOnlyDictionary<string, string> flags, Func<string, string?> environment, IReadOnlyList<ConfigFile> files, SettingErrors errors)
{
    public ResolvedSetting Resolve(Setting setting)
    {
        if (Flag(setting) is { } flag)
            return flag;
        foreach (var variable in setting.Variables)
        {
            if (Variable(setting, variable) is { } value)
                return value;
        }
        foreach (var file in files)
        {
            if (FromFile(setting, file) is { } value)
                return value;
        }
        return new ResolvedSetting(setting, setting.Default, SettingSource.Default);
    }

    /// <summary>
    /// The key pair is taken whole from the strongest place that has any part of it: two halves from two places are nobody's credentials,
    /// and a session token belongs to the pair it came with.
    /// </summary>
    public (ResolvedSetting AccessKey, ResolvedSetting SecretKey, ResolvedSetting SessionToken) ResolveCredentials(ResolvedSetting profile)
    {
        var (access, secret, token) = (SettingTable.Get(SettingTable.OriginAccessKey), SettingTable.Get(SettingTable.OriginSecretKey),
            SettingTable.Get(SettingTable.OriginSessionToken));
        foreach (var place in CredentialPlaces(access, secret, token))
        {
            if (place.AccessKey is null && place.SecretKey is null)
                continue;
            if (place.AccessKey is null || place.SecretKey is null)
            {
                errors.Add((place.AccessKey is null ? access : secret).Name,
                    $"{(place.AccessKey is null ? access : secret).Name} is not set although {(place.AccessKey ?? place.SecretKey)!.Setting.Name} is "
                    + $"({(place.AccessKey ?? place.SecretKey)!.Source}): a key pair is taken whole from one place. "
                    + $"Looked for both in {string.Join(", then ", PlaceNames(access, secret))}.");
                break;
            }
            if (profile.Value is not null && profile.Source.Origin < place.AccessKey.Source.Origin)
                break;
            return (place.AccessKey, place.SecretKey, place.SessionToken ?? Unset(token));
        }
        return (Unset(access), Unset(secret), Unset(token));
    }

    private IEnumerable<(ResolvedSetting? AccessKey, ResolvedSetting? SecretKey, ResolvedSetting? SessionToken)> CredentialPlaces(
        Setting access, Setting secret, Setting token)
    {
        yield return (Flag(access), Flag(secret), Flag(token));
        for (var i = 0; i < access.Variables.Count; i++)
        {
            var isAws = access.Variables[i].StartsWith("AWS_", StringComparison.Ordinal);
            yield return (Variable(access, access.Variables[i]), Variable(secret, secret.Variables[i]),
                isAws ? Variable(token, token.Variables[0]) : null);
        }
        foreach (var file in files)
            yield return (FromFile(access, file), FromFile(secret, file), FromFile(token, file));
    }

    private IEnumerable<string> PlaceNames(Setting access, Setting secret) =>
        access.Variables.Zip(secret.Variables, (a, s) => $"{a} + {s}").Concat(files.Select(file => file.Path));

    private ResolvedSetting? Flag(Setting setting) => flags.TryGetValue(setting.Name, out var value)
        ? new ResolvedSetting(setting, value, new SettingSource(SettingOrigin.Flag, setting.Flag ?? setting.Name))
        : null;

    private ResolvedSetting? Variable(Setting setting, string variable) => environment(variable) is { Length: > 0 } value
        ? new ResolvedSetting(setting, value, new SettingSource(SettingOrigin.Environment, variable))
        : null;

    private static ResolvedSetting? FromFile(Setting setting, ConfigFile file) => file[setting.Name] is { Length: > 0 } value
        ? new ResolvedSetting(setting, value, file.Source)
        : null;

    private static ResolvedSetting Unset(Setting setting) => new(setting, Value: null, SettingSource.Default);
}
