using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Files;
using Iba.Explaining;
using Iba.Reports;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using BadRequest = Microsoft.AspNetCore.Http.BadHttpRequestException;

namespace Iba.Service;

/// <summary>
/// The explainer over HTTP. A request is refused before its photo is read where the queue is full; each photo has the settings' time, and whoever hangs up
/// takes theirs out of the queue. When the process is told to stop, requests in work get their answers.
/// </summary>
internal sealed class HttpService : IAsyncDisposable
{
    /// <summary>The page's own style and script, and pictures that it has got by its own requests.</summary>
    private const string Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; "
        + "form-action 'none'; frame-ancestors 'none'";

    private const string ExplainPath = "/explain";

    private static readonly string[] Taken = ["image/jpeg", "image/png", "image/webp", "image/bmp", "image/gif", "application/octet-stream"];

    private static readonly string NotTaken = $"send the photo's file as the body, with a Content-Type of {string.Join(", ", Taken)}.";

    /// <summary>Paths that are answered without the key. Every other one wants it, however it is spelled: routes ignore case and a slash at the end.</summary>
    private static readonly string[] Public = ["/", "/healthz", "/readyz", "/openapi.json", "/page.js", "/page.css"];

    private readonly Explainer _explainer;
    private readonly ServiceSettings _settings;
    private readonly WebApplication _app;
    private readonly Metrics _metrics = new();
    private readonly ILogger _log;
    private int _open;
    private volatile bool _isDeviceLost;

    private HttpService(Explainer explainer, ServiceSettings settings, WebApplication app)
    {
        (_explainer, _settings, _app) = (explainer, settings, app);
        _log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Iba.Service");
    }

    /// <summary>Makes the service; <see cref="Run"/> or <see cref="Start"/> starts it.</summary>
    /// <param name="explainer">Stays the caller's.</param>
    /// <param name="settings">Where it listens, and what it takes.</param>
    public static HttpService Create(Explainer explainer, ServiceSettings settings)
    {
        // Nothing but the settings decides where it listens: no file of the working directory and no variable of the environment is read.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Services.AddRoutingCore();
        builder.Logging.AddJsonConsole(options =>
        {
            options.UseUtcTimestamp = true;
            options.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
        });
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        // A service that cannot start says so by its exception, and these two would log its stack.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", level => level is >= LogLevel.Warning and < LogLevel.Critical);
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        builder.Logging.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(
            options => options.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = settings.Time + TimeSpan.FromSeconds(5));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = settings.MostBytes;
            kestrel.Limits.MinRequestBodyDataRate = settings.LeastRate > 0 ? new MinDataRate(settings.LeastRate, TimeSpan.FromSeconds(5)) : null;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Listen(settings.Listen);
        });
        var service = new HttpService(explainer, settings, builder.Build());
        service.Map();
        return service;
    }

    /// <summary>The address that it listens on, once it is started.</summary>
    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <summary>Starts it.</summary>
    /// <exception cref="IOException">The address cannot be listened on.</exception>
    public async Task Start(CancellationToken cancellation)
    {
        try
        {
            await _app.StartAsync(cancellation).ConfigureAwait(false);
        }
        catch (SocketException failure)
        {
            throw new IOException($"--listen {_settings.Listen}: {failure.Message}.", failure);
        }
    }

    /// <summary>Takes no further connection, and waits for the answers of requests in work.</summary>
    public Task Stop() => _app.StopAsync(CancellationToken.None);

    /// <summary>Starts it, says where, and stops it at SIGTERM, SIGINT or by the token.</summary>
    public async Task Run(CancellationToken cancellation)
    {
        await Start(cancellation).ConfigureAwait(false);
        foreach (string reason in _settings.Notes)
            _log.FellBack(reason);
        _log.Listening(Address, _explainer.Classifier.Network.Name, Devices);
        await _app.WaitForShutdownAsync(cancellation).ConfigureAwait(false);
        _log.Stopped();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private void Map()
    {
        _app.Use(Count);
        _app.Use(Guard);
        _app.MapPost(ExplainPath, Explain);
        _app.MapGet("/healthz", context => Answer.Say(context, !_isDeviceLost, "ok", "the device is lost"));
        _app.MapGet("/readyz", context =>
            Answer.Say(context, !_isDeviceLost && !IsStopping && Volatile.Read(ref _open) < _settings.Queue, $"ready on {Devices}", "busy or stopping"));
        _app.MapGet("/metrics", context => Answer.Write(context, Metrics.ContentType, Encoding.UTF8.GetBytes(_metrics.Text(Volatile.Read(ref _open)))));
        _app.MapGet("/openapi.json", context => Answer.Write(context, Formats.Json, File("openapi.json")));
        _app.MapGet("/", context => Answer.Write(context, "text/html; charset=utf-8", File("page.html")));
        _app.MapGet("/page.js", context => Answer.Write(context, "text/javascript; charset=utf-8", File("page.js")));
        _app.MapGet("/page.css", context => Answer.Write(context, "text/css; charset=utf-8", [.. Encoding.UTF8.GetBytes(HtmlPage.Style), .. File("page.css")]));
    }

    private string Devices => string.Join("; ", _explainer.Devices);

    private bool IsStopping => _app.Lifetime.ApplicationStopping.IsCancellationRequested;

    private static byte[] File(string name) => EmbeddedFile.Read(typeof(HttpService).Assembly, name)!;

    /// <summary>What the log says of a call of /explain beside its status.</summary>
    private sealed class Call
    {
        public bool HasArrived { get; set; }

        public long Bytes { get; set; }

        public string Method { get; set; } = "";
    }

    /// <summary>Counts and logs each call of /explain once: after its answer, or when it ended without one.</summary>
    private async Task Count(HttpContext context, RequestDelegate next)
    {
        if ((context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText != ExplainPath)
        {
            await next(context).ConfigureAwait(false);
            return;
        }
        var clock = Stopwatch.StartNew();
        var call = new Call();
        context.Features.Set(call);
        int status = 500;
        try
        {
            await next(context).ConfigureAwait(false);
            status = context.Response.StatusCode;
        }
        catch (Exception failure) when (HungUp(context, call, failure))
        {
            // Nobody waits for an answer. 499 is what other servers log for it.
            status = 499;
        }
        finally
        {
            _metrics.Answered(status);
            _log.Answered(context.TraceIdentifier, status, Math.Round(clock.Elapsed.TotalSeconds, 4), call.Bytes, call.Method);
        }
    }

    private static bool HungUp(HttpContext context, Call call, Exception failure) =>
        context.RequestAborted.IsCancellationRequested || (!call.HasArrived && failure is IOException and not BadRequest);

    /// <summary>
    /// Keeps out who may not call. Without a key, only names of this machine are answered: another name comes from a page whose address was pointed here.
    /// </summary>
    private Task Guard(HttpContext context, RequestDelegate next)
    {
        context.Response.Headers.ContentSecurityPolicy = Policy;
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
        context.Response.Headers.CacheControl = "no-store";
        if (_settings.Key is { } key)
        {
            if (Public.Contains(context.Request.Path.Value) || key.IsIn(context.Request.Headers))
                return next(context);
            context.Response.Headers.WWWAuthenticate = "Bearer";
            return Refusal.Write(context, 401, "the API key is missing or wrong. Send it as 'Authorization: Bearer KEY'.");
        }
        string host = context.Request.Host.Host.Trim('[', ']');
        return host == "localhost" || IPAddress.TryParse(host, out IPAddress? address) && IPAddress.IsLoopback(address) ? next(context)
            : Refusal.Write(context, 403, $"{context.Request.Host} is not a name of this machine.");
    }

    private async Task Explain(HttpContext context)
    {
        var clock = Stopwatch.StartNew();
        Call call = context.Features.Get<Call>()!;
        if (Interlocked.Increment(ref _open) > _settings.Queue)
        {
            Interlocked.Decrement(ref _open);
            context.Response.Headers.RetryAfter = _metrics.Wait;
            await Refusal.Write(context, 429, $"the queue is full: {_settings.Queue} wait already. Try again later.").ConfigureAwait(false);
            return;
        }
        using var time = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        time.CancelAfter(_settings.Time);
        try
        {
            HttpRequest request = context.Request;
            if (request.ContentLength > _settings.MostBytes)
            {
                // What a caller still sends is then read for a while and dropped. A connection that is closed at once could take the answer with it.
                context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = null;
                await Refusal.Write(context, 413, Refusal.TooManyBytes(_settings)).ConfigureAwait(false);
                return;
            }
            string type = (request.ContentType ?? "").Split(';')[0].Trim().ToLowerInvariant();
            if (!Taken.Contains(type))
            {
                await Refusal.Write(context, 415, NotTaken).ConfigureAwait(false);
                return;
            }
            if (Formats.Of(request) is not { } format)
            {
                await Refusal.Write(context, 406, "give format=json, png, safetensors or html.").ConfigureAwait(false);
                return;
            }
            (ExplainerRequest asked, double? scale) = Asked.Of(request.Query);
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body, time.Token).ConfigureAwait(false);
            (call.HasArrived, call.Bytes, call.Method) = (true, body.Length, asked.Method);
            string name = request.Query["name"].ToString() is { Length: > 0 } given ? given : "photo";
            PhotoExplanation photo = await _explainer.ExplainAsync(FileSource.Of(body.ToArray(), name), asked, time.Token).ConfigureAwait(false);
            byte[] answer = Formats.Write(format, photo, request.Query["picture"] == "true", scale);
            _metrics.Explained(clock.Elapsed.TotalSeconds);
            await Answer.Write(context, Formats.MediaType(format), answer).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            if (failure is DeviceLostException)
                _isDeviceLost = true;
            if (HungUp(context, call, failure) || context.Response.HasStarted)
                throw;
            await Fail(context, failure, call.HasArrived).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }

    private Task Fail(HttpContext context, Exception failure, bool arrived)
    {
        (int status, string detail) = Refusal.Of(failure, arrived, _settings);
        if (status == 503)
            context.Response.Headers.RetryAfter = _metrics.Wait;
        if (status >= 500)
            _log.Failed(failure);
        return Refusal.Write(context, status, detail);
    }
}
