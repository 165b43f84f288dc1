namespace DatasetCache.Configuration;

/// <summary>Every setting there is: the README's table, <c>dscache config show</c> and the command line's options are made from this.</summary>
public static class SettingTable
{
    public const string OriginUrl = "origin.url";
    public const string OriginEndpoint = "origin.endpoint";
    public const string OriginBucket = "origin.bucket";
    public const string OriginAccessKey = "origin.accessKey";
    public const string OriginSecretKey = "origin.secretKey";
    public const string OriginSessionToken = "origin.sessionToken";
    public const string OriginProfile = "origin.profile";
    public const string OriginRegion = "origin.region";
    public const string OriginPathStyle = "origin.pathStyle";
    public const string OriginAnonymous = "origin.anonymous";
    public const string OriginDatasetPath = "origin.datasetPath";
    public const string CacheRoot = "cache.root";
    public const string CacheSharedRoot = "cache.sharedRoot";
    public const string CacheMaxSize = "cache.maxSize";
    public const string CacheLowMark = "cache.lowMark";
    public const string CacheMinFree = "cache.minFree";
    public const string CacheDurable = "cache.durable";
    public const string EvictionBaseTtl = "eviction.baseTtl";
    public const string EvictionMaxTtl = "eviction.maxTtl";
    public const string TransferConcurrency = "transfer.concurrency";
    public const string TransferAttempts = "transfer.attempts";
    public const string TransferStallTimeout = "transfer.stallTimeout";
    public const string LockTimeout = "lock.timeout";
    public const string FreshnessTtl = "freshness.ttl";
    public const string FreshnessMaxStale = "freshness.maxStale";
    public const string FreshnessRefresh = "freshness.refresh";
    public const string ScrubPeriod = "scrub.period";
    public const string ScrubRate = "scrub.rate";
    public const string Offline = "offline";
    public const string Strict = "strict";
    public const string Link = "link";
    public const string Select = "select";
    public const string Include = "include";
    public const string Exclude = "exclude";
    public const string AllowMissing = "allowMissing";
    public const string Progress = "progress";
    public const string Json = "json";
    public const string Quiet = "quiet";

    private static readonly string[] YesNo = ["true", "false"];

    public static IReadOnlyList<Setting> All { get; } =
    [
        Of(OriginUrl, "--origin", ["DSCACHE_ORIGIN"], null,
            "Where datasets come from: s3://bucket[/prefix] or a folder."),
        Of(OriginEndpoint, "--endpoint", ["EXTERNAL_STORAGE_ENDPOINT", "S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"], null,
            "URL of the S3-compatible store (http:// or https://); not set means AWS."),
        Of(OriginBucket, "--bucket", ["EXTERNAL_BUCKET_DATASETS"], null,
            "Bucket that holds the datasets, where origin.url is not set."),
        Of(OriginAccessKey, null, ["EXTERNAL_ACCESS_KEY", "AWS_ACCESS_KEY_ID"], null,
            "Access key; its secret must come from the same place."),
        Of(OriginSecretKey, null, ["EXTERNAL_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"], null,
            "Secret of the access key.") with { IsSecret = true },
        Of(OriginSessionToken, null, ["AWS_SESSION_TOKEN"], null,
            "Session token of temporary credentials; goes with AWS_ACCESS_KEY_ID.") with { IsSecret = true },
        Of(OriginProfile, "--profile", ["AWS_PROFILE"], null,
            "Profile in the AWS configuration files, where no key pair is set."),
        Of(OriginRegion, "--region", ["DSCACHE_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"], "auto",
            "Region that requests are signed for."),
        Of(OriginPathStyle, "--path-style", ["DSCACHE_PATH_STYLE"], "true when an endpoint is set",
            "Whether the bucket stands in the URL's path and not in its host name.") with { Choices = YesNo },
        Of(OriginAnonymous, "--anonymous", ["DSCACHE_ANONYMOUS"], "false",
            "Send requests unsigned, even where credentials are set.") with { Choices = YesNo },
        Of(OriginDatasetPath, "--dataset-path", ["DSCACHE_DATASET_PATH"], "datasets/{dataset}/",
            "Where a dataset lies below the origin; {dataset} and {snapshot} are filled in."),
        Of(CacheRoot, "--root", ["DSCACHE_ROOT"], "$XDG_CACHE_HOME/dscache or ~/.cache/dscache",
            "Folder of the cache."),
        Of(CacheSharedRoot, "--shared-root", ["DSCACHE_SHARED_ROOT"], null,
            "Cache roots of others, ':' between them, that are asked before the origin and only read."),
        Of(CacheMaxSize, "--max-size", ["DSCACHE_MAX_SIZE"], "50GB",
            "Quota: bytes the cache may take on disk, for example 50GB (10⁹) or 50GiB (2³⁰)."),
        Of(CacheLowMark, "--low-mark", ["DSCACHE_LOW_MARK"], "95%",
            "Percent of the quota that evicting goes down to once something does not fit."),
        Of(CacheMinFree, "--min-free", ["DSCACHE_MIN_FREE"], "5%",
            "What the cache leaves free: percent of the disk, or a size."),
        Of(CacheDurable, "--durable", ["DSCACHE_DURABLE"], "true",
            "Whether a dataset is on stable storage before it counts as ready.") with { Choices = YesNo },
        Of(EvictionBaseTtl, "--base-ttl", ["DSCACHE_BASE_TTL"], "24h",
            "How long an entry that is hardly used counts as fresh; use doubles it and more."),
        Of(EvictionMaxTtl, "--max-ttl", ["DSCACHE_MAX_TTL"], "30d",
            "How long an entry counts as fresh at most, however much it was used."),
        Of(TransferConcurrency, "--concurrency", ["DSCACHE_CONCURRENCY"], "32",
            "Requests at once to the origin, 1 to 1024."),
        Of(TransferAttempts, "--attempts", ["DSCACHE_ATTEMPTS"], "6",
            "Attempts for one request before a transient error is final, 1 to 100."),
        Of(TransferStallTimeout, "--stall-timeout", ["DSCACHE_STALL_TIMEOUT"], "30s",
            "How long an origin may send nothing, for example 30s or 5m."),
        Of(LockTimeout, "--lock-timeout", ["DSCACHE_LOCK_TIMEOUT"], "1h",
            "How long to wait for another process that downloads the same dataset, for example 5m or 1h."),
        Of(FreshnessTtl, "--ttl", ["DSCACHE_TTL"], "30m",
            "How long a dataset without a snapshot id is taken to be what its origin last said, for example 30m."),
        Of(FreshnessMaxStale, "--max-stale", ["DSCACHE_MAX_STALE"], "24h",
            "How old its last known version may be where the origin is down, for example 24h or 7d."),
        Of(FreshnessRefresh, "--refresh", ["DSCACHE_REFRESH"], "false",
            "Ask the origin what such a dataset is now, however lately it was asked.") with { Choices = YesNo },
        Of(ScrubPeriod, "--scrub-period", ["DSCACHE_SCRUB_PERIOD"], "7d",
            "The time in which the scrubber reads everything once, for example 7d."),
        Of(ScrubRate, "--scrub-rate", ["DSCACHE_SCRUB_RATE"], "50MB",
            "Bytes a second that the scrubber reads at most, for example 50MB; 0 for as fast as the disk is."),
        Of(Offline, "--offline", ["DSCACHE_OFFLINE"], "false",
            "Use what is on disk or fail; send nothing.") with { Choices = YesNo },
        Of(Strict, "--strict", ["DSCACHE_STRICT"], "false",
            "Fail where an entry is broken, and do not heal it.") with { Choices = YesNo },
        Of(Link, "--link", ["DSCACHE_LINK"], "symlink",
            "What JOB_DIR/dataset is: one symlink, a tree of folders with a link per file, or a copy.") with { Choices = ["symlink", "tree", "copy"] },
        Of(Select, "--select", ["DSCACHE_SELECT"], "auto",
            "Which files: annotated images and metadata, all, or annotated where annotations exist.") with { Choices = ["auto", "annotated", "all"] },
        Of(Include, "--include", ["DSCACHE_INCLUDE"], null,
            "Globs of the files to take, ';' between them; none takes all.") with { IsList = true },
        Of(Exclude, "--exclude", ["DSCACHE_EXCLUDE"], null,
            "Globs of files to leave out, ';' between them.") with { IsList = true },
        Of(AllowMissing, "--allow-missing", ["DSCACHE_ALLOW_MISSING"], "false",
            "Take a dataset although its annotations name images that are not there.") with { Choices = YesNo },
        Of(Progress, "--progress", ["DSCACHE_PROGRESS"], "auto",
            "How progress is shown on stderr.") with { Choices = ["auto", "plain", "json", "none"] },
        Of(Json, "--json", ["DSCACHE_JSON"], "false",
            "Print results as JSON.") with { Choices = YesNo },
        Of(Quiet, "--quiet", ["DSCACHE_QUIET"], "false",
            "Print nothing but results and errors.") with { Choices = YesNo },
    ];

    private static readonly Dictionary<string, Setting> ByName = All.ToDictionary(setting => setting.Name, StringComparer.Ordinal);

    /// <exception cref="ArgumentException">There is no such setting.</exception>
    public static Setting Get(string name) => Find(name) ?? throw new ArgumentException($"There is no setting '{name}'.", nameof(name));

    public static Setting? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>The setting a person may have meant, or null where none is near.</summary>
    public static string? Nearest(string name)
    {
        var (best, distance) = (default(string), Math.Max(2, name.Length / 3) + 1);
        foreach (var candidate in ByName.Keys)
        {
            // A forgotten section ("endpoint") counts as one slip.
            var lastPart = candidate[(candidate.LastIndexOf('.') + 1)..];
            var d = Math.Min(EditDistance(name, candidate), EditDistance(name, lastPart) + 1);
            if (d < distance)
                (best, distance) = (candidate, d);
        }
        return best;
    }

    private static int EditDistance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substitute = diagonal + (char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitute, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.Length];
    }

    private static Setting Of(string name, string? flag, string[] variables, string? defaultText, string description) =>
        new() { Name = name, Flag = flag, Variables = variables, Default = defaultText, Description = description };
}
