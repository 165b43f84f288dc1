using DatasetCache.Reading;
using Microsoft.AspNetCore.Http;

namespace DatasetCache.Http.Files;

/// <summary>The bytes of an answer, out of a file or out of memory. Its head is written.</summary>
internal static class FileBody
{
    private const int Step = 64 * 1024;

    /// <returns>False where the file ends too early.</returns>
    public static async Task<bool> SendAsync(HttpContext context, FileReading content, long from, long count)
    {
        var splice = Splice.Of(context);
        while (count > 0)
        {
            var ready = Math.Min(count, await content.ReadyAsync(from, count, context.RequestAborted));
            if (!context.Response.HasStarted)
                await context.Response.StartAsync(context.RequestAborted);
            if (!await SendAsync(context, splice, content, from, ready))
                return false;
            from += ready;
            count -= ready;
        }
        return true;
    }

    private static async Task<bool> SendAsync(HttpContext context, Splice? splice, FileReading content, long from, long count)
    {
        var writer = context.Response.BodyWriter;
        try
        {
            for (; splice is not null && count > 0; context.RequestAborted.ThrowIfCancellationRequested())
            {
                var step = (int)Math.Min(count, Splice.Most);
                if (!await splice.TrySendAsync(writer, content.Handle, from, step, context.RequestAborted))
                    break;
                from += step;
                count -= step;
            }
        }
        catch (EndOfStreamException)
        {
            return false;
        }
        for (var end = from + count; from < end;)
        {
            var room = writer.GetMemory(Step);
            var read = content.Handle.Read(room.Span[..(int)Math.Min(room.Length, end - from)], from);
            if (read == 0)
                return false;
            writer.Advance(read);
            from += read;
            if ((await writer.FlushAsync(context.RequestAborted)).IsCompleted)
                return true;
        }
        return true;
    }

    public static async Task SendAsync(HttpContext context, ReadOnlyMemory<byte> content)
    {
        await context.Response.StartAsync(context.RequestAborted);
        var writer = context.Response.BodyWriter;
        if (Splice.Of(context) is { } splice && content.Length <= Splice.Most && await splice.TrySendAsync(writer, content, context.RequestAborted))
            return;
        await writer.WriteAsync(content, context.RequestAborted);
    }
}
