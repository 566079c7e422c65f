using System.Net.Http.Headers;
using System.Net.Sockets;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Files;
using Iba.Explaining;
using Iba.Service;
using Tests.Explaining;
using Xunit;

namespace Tests.Service;

/// <summary>The service on a port of this machine, over a narrow ResNet-50 and photos of 64 x 64, with a client.</summary>
internal sealed class RunningService : IAsyncDisposable
{
    /// <summary>A method that takes milliseconds here and needs no statistics.</summary>
    public const string Quick = "gradient";

    /// <summary>Milliseconds after which a test has failed.</summary>
    public const int Longest = 120_000;

    private static CancellationToken End => TestContext.Current.CancellationToken;

    private readonly HttpService _service;

    private RunningService(Explainer explainer, HttpService service)
    {
        (Explainer, _service) = (explainer, service);
        Client = Connect();
    }

    public Explainer Explainer { get; }

    public HttpClient Client { get; private set; }

    /// <summary>Starts it.</summary>
    /// <param name="settings">The port is any free one.</param>
    /// <param name="statistics">For the method per-sample.</param>
    /// <param name="backend">The device; null for one core.</param>
    public static async Task<RunningService> Start(ServiceSettings? settings = null, string? statistics = null, CpuBackend? backend = null)
    {
        settings ??= new ServiceSettings();
        // A request that a test holds open stays open on a busy machine too.
        settings = settings with { Listen = new(settings.Listen.Address, 0), LeastRate = 0 };
        ExplainerOptions narrow = NarrowExplainer.Options;
        var explainer = Explainer.Open(NarrowExplainer.Weights, statistics is null ? null : FileSource.OfPath(statistics), settings.Explaining with
        {
            Device = backend is null ? narrow.Device : () => backend,
            Preprocessing = narrow.Preprocessing,
        });
        HttpService service = HttpService.Create(explainer, settings);
        await service.Start(CancellationToken.None);
        return new RunningService(explainer, service);
    }

    public Task Stop() => _service.Stop();

    /// <summary>Closes the client's connections.</summary>
    public void HangUp()
    {
        Client.Dispose();
        Client = Connect();
    }

    private HttpClient Connect() => new() { BaseAddress = _service.Address, Timeout = TimeSpan.FromSeconds(100) };

    /// <summary>What the library says of a photo without the service.</summary>
    public Task<PhotoExplanation> Alone(byte[] photo, string name = "photo") =>
        Explainer.ExplainAsync(FileSource.Of(photo, name), new ExplainerRequest { Method = Quick }, End);

    /// <summary>Sends a photo.</summary>
    public Task<HttpResponseMessage> Post(byte[] photo, string query = "", string? type = "image/png", Action<HttpRequestHeaders>? headers = null) =>
        Post(new ByteArrayContent(photo), query, type, headers);

    public async Task<HttpResponseMessage> Post(HttpContent body, string query = "", string? type = "image/png", Action<HttpRequestHeaders>? headers = null)
    {
        string path = $"/explain?{(query.Contains("method=") ? "" : $"method={Quick}&")}{query}";
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = body };
        body.Headers.ContentType = type is null ? null : new MediaTypeHeaderValue(type);
        headers?.Invoke(request.Headers);
        return await Client.SendAsync(request, End);
    }

    /// <summary>Sends the beginning of a request, by hand: a client of .NET waits with the answer until the whole photo is sent.</summary>
    public async Task<TcpClient> SendHalf()
    {
        var caller = new TcpClient();
        await caller.ConnectAsync(Client.BaseAddress!.Host, Client.BaseAddress.Port, End);
        byte[] half = [.. "POST /explain HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nbegin"u8];
        await caller.GetStream().WriteAsync(half, End);
        return caller;
    }

    /// <summary>A number of /metrics.</summary>
    public async Task<double> Metric(string name) => (await Client.GetStringAsync("/metrics", End)).Split('\n')
        .Where(line => line.StartsWith($"{name} ") || line.StartsWith($"{name}{{")).Sum(line => double.Parse(line.Split(' ')[^1]));

    /// <summary>Waits until a number of /metrics is what the service is about to make it.</summary>
    public async Task Until(string name, double expected)
    {
        double last = await Metric(name);
        for (int poll = 0; poll < 1200 && last != expected; poll++)
        {
            await Task.Delay(50, End);
            last = await Metric(name);
        }
        Assert.Equal(expected, last);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _service.Stop();
        await _service.DisposeAsync();
        await Explainer.DisposeAsync();
    }
}

/// <summary>A photo whose bytes arrive when the test says so.</summary>
internal sealed class SlowPhoto(byte[] photo, Task rest) : HttpContent
{
    protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context)
    {
        int half = photo.Length / 2;
        await stream.WriteAsync(photo.AsMemory(0, half));
        await stream.FlushAsync();
        await rest;
        await stream.WriteAsync(photo.AsMemory(half));
    }

    protected override bool TryComputeLength(out long length)
    {
        length = photo.Length;
        return true;
    }
}
