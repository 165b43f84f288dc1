using System.Text.Json;
using DatasetCache.Http.Access;
using DatasetCache.Http.Peers;
using Microsoft.AspNetCore.Http;

namespace DatasetCache.Http.Api;

/// <summary>What this node's transfers with others may take, as it is now; changes hold at once, and until the node ends.</summary>
internal sealed class LimitsApi(TransferCaps caps)
{
    private readonly Lock changing = new();

    public Task GetAsync(HttpContext context) => NodeApi.WriteAsync(context, StatusCodes.Status200OK, Now(), ApiJson.Default.LimitsDocument);

    public async Task PutAsync(HttpContext context)
    {
        var wanted = await NodeApi.ReadAsync(context, ApiJson.Default.LimitsBody);
        context.NoteForAudit(JsonSerializer.Serialize(wanted, ApiJson.Default.LimitsBody));
        lock (changing)
        {
            var now = caps.Limits;
            caps.Change(now with
            {
                UploadBytesPerSecond = wanted.UploadBytesPerSecond ?? now.UploadBytesPerSecond,
                DownloadBytesPerSecond = wanted.DownloadBytesPerSecond ?? now.DownloadBytesPerSecond,
                CpuPercent = wanted.CpuPercent ?? now.CpuPercent,
            });
        }
        await GetAsync(context);
    }

    public LimitsDocument Now() => new(caps.Limits.UploadBytesPerSecond, caps.Limits.DownloadBytesPerSecond, caps.Limits.CpuPercent);
}
