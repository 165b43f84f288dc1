using System.Net;
using System.Text;
using System.Text.Json;
using DatasetCache.Http.Api;
using Microsoft.AspNetCore.Http;

namespace DatasetCache.Http.Access;

/// <summary>The page at which a browser's user gives his token, once a day. Nothing in it comes from elsewhere, and there is no script.</summary>
internal static class LoginPage
{
    public const string Path = "/login";

    public const int LargestBody = 8 * 1024;

    public static async Task WriteAsync(HttpContext context, int status, string? trouble)
    {
        var page = $$"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Log in – DatasetCache</title>
            <style>
            :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
            body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: light-dark(#f5f6f8, #14171b); color: light-dark(#1b1f24, #e6e9ed) }
            main { box-sizing: border-box; width: min(26rem, 100vw - 2rem); padding: 2rem; border-radius: .5rem; background: light-dark(#fff, #1d2127); box-shadow: 0 1px 4px #0003 }
            h1 { margin: 0 0 1rem; font-size: 1.25rem }
            label { display: block; margin-bottom: .25rem }
            input, button { box-sizing: border-box; width: 100%; padding: .5rem .75rem; font: inherit; border-radius: .25rem; border: 1px solid light-dark(#8a929c, #6b737d) }
            button { margin-top: 1rem; border: 0; background: #1f5fbf; color: #fff; cursor: pointer }
            :focus-visible { outline: 3px solid #5b9bff; outline-offset: 1px }
            [role=alert] { color: light-dark(#a4161a, #ff8a8d) }
            small { display: block; margin-top: 1rem; color: light-dark(#57606a, #9aa4af) }
            code { font-size: .95em }
            </style>
            </head>
            <body><main>
            <h1>DatasetCache</h1>
            {{(trouble is null ? "" : $"<p role=\"alert\">{WebUtility.HtmlEncode(trouble)}</p>")}}
            <form method="post">
            <label for="token">Token</label>
            <input id="token" name="token" type="password" autocomplete="current-password" required autofocus spellcheck="false">
            <button>Log in</button>
            </form>
            <small>On the node's own host it is what stands in <code>node.token</code> in the cache root; elsewhere the one that <code>dscache token new</code> has shown you.</small>
            </main></body>
            </html>

            """;
        var bytes = Encoding.UTF8.GetBytes(page);
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.ContentLength = bytes.Length;
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }

    /// <summary>The token that a form or a JSON body holds; empty where there is none.</summary>
    /// <exception cref="InvalidRequestException">The body cannot be read.</exception>
    public static async ValueTask<string> ReadAsync(HttpContext context)
    {
        try
        {
            if (!context.Request.HasFormContentType)
                return (await NodeApi.ReadAsync(context, ApiJson.Default.LoginBody)).Token.Trim();
            context.Request.EnableBuffering(LargestBody, LargestBody);
            var form = await context.Request.ReadFormAsync(context.RequestAborted);
            return form["token"].ToString().Trim();
        }
        catch (Exception e) when (e is IOException or InvalidDataException or JsonException)
        {
            // Not the text of it: it may hold the token.
            throw new InvalidRequestException("The body is no form with a token, and no JSON object with one.");
        }
    }

    /// <summary>Where to go after the login: a path of this node, whatever the address says.</summary>
    public static string Target(HttpContext context)
    {
        var to = context.Request.Query["to"].ToString();
        return to.Length is > 0 and < 2000 && to[0] == '/' && (to.Length == 1 || to[1] is not ('/' or '\\')) && !to.Any(char.IsControl) && !to.Contains('\\', StringComparison.Ordinal) ? to : "/";
    }
}
