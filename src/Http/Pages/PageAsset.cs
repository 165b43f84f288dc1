using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace DatasetCache.Http.Pages;

/// <summary>A file of the pages, as it is built into the assembly. Asked for again at every visit, and answered with 304 until another version of the node runs.</summary>
internal sealed class PageAsset
{
    private const string Prefix = "pages/";

    /// <summary>
    /// Nothing but what this node serves, and no script, style or frame that is not a file of it. Trusted types make the browser refuse text that would become markup, wherever it is from.
    /// </summary>
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

    private readonly byte[] content;
    private readonly string type;
    private readonly EntityTagHeaderValue tag;

    private PageAsset(string name, byte[] content)
    {
        (Name, this.content) = (name, content);
        type = Path.GetExtension(name) switch
        {
            ".html" => "text/html; charset=utf-8",
            ".css" => "text/css; charset=utf-8",
            ".js" => "text/javascript; charset=utf-8",
            ".svg" => "image/svg+xml",
            _ => throw new InvalidOperationException($"No media type is known for the page asset {name}."),
        };
        tag = new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 12))}\"");
    }

    public string Name { get; }

    public static IReadOnlyList<PageAsset> All { get; } = Load();

    public Task WriteAsync(HttpContext context)
    {
        var headers = context.Response.GetTypedHeaders();
        headers.ETag = tag;
        headers.CacheControl = new CacheControlHeaderValue { NoCache = true, Private = true };
        Protect(context.Response);
        if (context.Request.GetTypedHeaders().IfNoneMatch is { Count: > 0 } known && known.Any(one => one.Compare(tag, useStrongComparison: false) || one.Equals(EntityTagHeaderValue.Any)))
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }
        context.Response.ContentType = type;
        context.Response.ContentLength = content.Length;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.Body.WriteAsync(content, context.RequestAborted).AsTask();
    }

    /// <summary>What a browser shall refuse on a page of a node.</summary>
    public static void Protect(HttpResponse response)
    {
        response.Headers.ContentSecurityPolicy = ContentSecurityPolicy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "same-origin";
        response.Headers["Cross-Origin-Opener-Policy"] = "same-origin";
        response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
    }

    private static PageAsset[] Load()
    {
        var names = Assembly.GetExecutingAssembly().GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).Select(name => name[Prefix.Length..]);
        return [.. names.Where(name => name is not PageFrame.Name)
            .Select(name => new PageAsset(name, name.EndsWith(".html", StringComparison.Ordinal) ? PageFrame.Around(name, file => Encoding.UTF8.GetString(Read(file))) : Read(name)))];
    }

    private static byte[] Read(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Prefix + name)!;
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
