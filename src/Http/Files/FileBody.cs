using DatasetCache.Reading;
using Microsoft.AspNetCore.Http;

namespace DatasetCache.Http.Files;

/// <summary>The bytes of an answer, out of a file.</summary>
internal static class FileBody
{
    private const int Step = 64 * 1024;

    /// <returns>False where the file ends too early.</returns>
    public static async Task<bool> SendAsync(HttpContext context, FileReading content, long from, long count)
    {
        while (count > 0)
        {
            var ready = Math.Min(count, await content.ReadyAsync(from, count, context.RequestAborted));
            if (!await CopyAsync(context, content, from, ready))
                return false;
            from += ready;
            count -= ready;
        }
        return true;
    }

    private static async Task<bool> CopyAsync(HttpContext context, FileReading content, long from, long count)
    {
        var writer = context.Response.BodyWriter;
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
}
