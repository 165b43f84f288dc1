using Microsoft.AspNetCore.Http;

namespace DatasetCache.Testing;

/// <summary>Passes a response's body on, with what a fault does to it.</summary>
internal static class BodyRelay
{
    public static async Task RunAsync(
        Stream body, HttpContext context, Fault fault, ServedBytes? served, string key, string reader, long offset, CancellationToken cancellationToken)
    {
        var range = served?.Begin(key, offset, reader) ?? 0;
        var buffer = new byte[fault.BytesPerSecond is { } rate ? Math.Clamp(rate / 10, 1, 64 * 1024) : 64 * 1024];
        var stop = new[] { fault.BreakAfter, fault.StallAfter, fault.EndAfter }.Min() ?? long.MaxValue;
        long sent = 0;
        if (fault.PrependBytes > 0)
        {
            await context.Response.Body.WriteAsync(new byte[fault.PrependBytes], cancellationToken);
            await context.Response.Body.FlushAsync(cancellationToken);
        }
        while (sent < stop)
        {
            var read = await body.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, stop - sent)), cancellationToken);
            if (read == 0)
                break;
            if (fault.FlipBitAt is { } flip && flip >= sent && flip < sent + read)
                buffer[flip - sent] ^= 1;
            await SendAsync(buffer.AsMemory(0, read));
            sent += read;
            if (fault.BytesPerSecond is { } bytesPerSecond)
                await Task.Delay(TimeSpan.FromSeconds((double)read / bytesPerSecond), cancellationToken);
        }
        if (fault.AppendBytes > 0)
            await context.Response.Body.WriteAsync(new byte[fault.AppendBytes], cancellationToken);
        if (sent == fault.StallAfter)
            await Task.Delay(Timeout.Infinite, cancellationToken);
        // With a length, ending early closes the connection behind the bytes sent; an abort may overtake them.
        if (sent == fault.BreakAfter && fault.WithoutLength)
            context.Abort();

        async Task SendAsync(ReadOnlyMemory<byte> bytes)
        {
            while (!bytes.IsEmpty)
            {
                var (allowed, hold) = served?.Claim(key, range, bytes.Length) ?? (bytes.Length, null);
                if (hold is not null)
                {
                    await hold.WaitAsync(cancellationToken);
                    continue;
                }
                await context.Response.Body.WriteAsync(bytes[..allowed], cancellationToken);
                await context.Response.Body.FlushAsync(cancellationToken);
                served?.Sent();
                bytes = bytes[allowed..];
            }
        }
    }
}
