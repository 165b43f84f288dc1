namespace DatasetCache.Http.Peers;

/// <summary>The limits of a node's transfers as they are now, shared by its server and its client. A change takes hold at once.</summary>
internal sealed class TransferCaps : IDisposable
{
    private readonly RateLimit cpu;
    private long sent;

    public TransferCaps(TransferLimits limits, TimeProvider time)
    {
        limits.Validate();
        Upload = new RateLimit(time);
        Download = new RateLimit(time);
        cpu = new RateLimit(time);
        Uploads = new Slots(limits.MaxUploads);
        Downloads = new Slots(limits.MaxDownloads);
        Limits = limits;
        Change(limits);
    }

    public TransferLimits Limits { get; private set; }

    public RateLimit Upload { get; }

    public RateLimit Download { get; }

    public Slots Uploads { get; }

    public Slots Downloads { get; }

    /// <summary>Bytes of pieces that others were given.</summary>
    public long SentBytes => Interlocked.Read(ref sent);

    public void Sent(int bytes) => Interlocked.Add(ref sent, bytes);

    public bool LimitsCpu => cpu.PerSecond > 0;

    /// <exception cref="ConfigurationException">A value is outside its range; nothing is changed.</exception>
    public void Change(TransferLimits limits)
    {
        limits.Validate();
        Upload.PerSecond = limits.UploadBytesPerSecond;
        Download.PerSecond = limits.DownloadBytesPerSecond;
        // Nanoseconds of processor time a second.
        cpu.PerSecond = limits.CpuPercent * 10_000_000L * Environment.ProcessorCount;
        Uploads.Limit = limits.MaxUploads;
        Downloads.Limit = limits.MaxDownloads;
        Limits = limits;
    }

    /// <summary>Waits until the processor time that was used is paid off.</summary>
    public ValueTask CpuAsync(CancellationToken cancellationToken) => cpu.TakeAsync(0, cancellationToken);

    /// <summary>Before work on this thread; hand the result to <see cref="CpuUsed"/> on the same thread.</summary>
    public long CpuMark() => LimitsCpu ? Native.ThreadCpuNanoseconds() : 0;

    public void CpuUsed(long mark)
    {
        if (mark != 0)
            cpu.Return(mark - Native.ThreadCpuNanoseconds());
    }

    public void Dispose()
    {
        Upload.Dispose();
        Download.Dispose();
        cpu.Dispose();
    }
}
