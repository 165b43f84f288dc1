using DatasetCache.Http.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Http.Access;

/// <summary>Puts <see cref="AccessControl"/> before everything that an application serves, and the page to log in at among it.</summary>
internal static class AccessExtensions
{
    public static void UseAccess(this WebApplication app, NodeParts parts)
    {
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger<AccessControl>();
        var time = app.Services.GetService<TimeProvider>() ?? TimeProvider.System;
        var options = parts.Api.Access;
        var control = new AccessControl(
            parts.Api.Token, options, options.TokenFile is { } path ? new TokenFile(path, time, logger) : null, new Sessions(time), new WriteLimits(options),
            new AuditLog(parts.Cache.Room.Path, logger), time, logger);
        app.Use(next => context => control.InvokeAsync(context, next));
        app.MapGet(LoginPage.Path, context => LoginPage.WriteAsync(context, StatusCodes.Status200OK, trouble: null)).RequireRole(Role.Anyone);
        app.MapPost(LoginPage.Path, control.LogInAsync).RequireRole(Role.Anyone);
        app.MapPost("/logout", control.LogOut).RequireRole(Role.Anyone);
    }
}
