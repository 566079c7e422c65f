using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using Iba.Service;
using Tests.Explaining;
using Xunit;

namespace Tests.Service;

/// <summary>Many callers, slow callers, callers that may not, and the end of the service.</summary>
public sealed class LoadTests
{
    /// <summary>An address that is kept for documents, so no machine has it.</summary>
    private const string Foreign = "192.0.2.1:8080";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Every fourth request is a bad one. A good one is answered with its own photo's map, byte by byte what the photo alone gives.</summary>
    [Fact(Timeout = RunningService.Longest)]
    public async Task Of_500_requests_by_32_clients_none_is_lost_or_mixed_up()
    {
        const int Requests = 500, Clients = 32, Photos = 25;
        await using RunningService service = await RunningService.Start(new ServiceSettings { MostBytes = 100_000, Queue = 2 * Clients });
        byte[][] photos = [.. Enumerable.Range(0, Photos).Select(seed => NarrowExplainer.Png(seed))];
        var expected = new byte[Photos][];
        for (int i = 0; i < Photos; i++)
            expected[i] = (await service.Alone(photos[i], $"{i}.png")).ToSafetensors();

        int next = -1;
        var statuses = new HttpStatusCode[Requests];
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => Task.Run(Call)));

        for (int i = 0; i < Requests; i++)
            Assert.Equal(Expected(i), statuses[i]);
        // An answer is counted after its last byte.
        await service.Until("iba_requests_total", Requests);
        await service.Until("iba_open", 0);
        Assert.Equal(Requests * 3 / 4, await service.Metric("iba_explain_seconds_count"));

        async Task Call()
        {
            for (int i; (i = Interlocked.Increment(ref next)) < Requests;)
            {
                int which = i % Photos;
                using HttpResponseMessage answer = (i % 16) switch
                {
                    3 => await service.Post(photos[which][..100]),
                    7 => await service.Post(new byte[100_001]),
                    11 => await service.Post(photos[which], type: "text/html"),
                    15 => await service.Post(photos[which], "method=none"),
                    _ => await service.Post(photos[which], $"format=safetensors&name={which}.png"),
                };
                statuses[i] = answer.StatusCode;
                byte[] body = await answer.Content.ReadAsByteArrayAsync(Stop);
                if (answer.IsSuccessStatusCode)
                    Assert.Equal(expected[which], body);
            }
        }

        static HttpStatusCode Expected(int request) => (request % 16) switch
        {
            3 => HttpStatusCode.UnprocessableEntity,
            7 => HttpStatusCode.RequestEntityTooLarge,
            11 => HttpStatusCode.UnsupportedMediaType,
            15 => HttpStatusCode.BadRequest,
            _ => HttpStatusCode.OK,
        };
    }

    [Fact(Timeout = RunningService.Longest)]
    public async Task A_full_queue_refuses_with_the_time_to_wait_and_takes_photos_again_once_there_is_room()
    {
        await using RunningService service = await RunningService.Start(new ServiceSettings { Queue = 1 });
        var rest = new TaskCompletionSource();
        Task<HttpResponseMessage> first = service.Post(new SlowPhoto(NarrowExplainer.Png(1), rest.Task));
        await service.Until("iba_open", 1);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await service.Client.GetAsync("/readyz", Stop)).StatusCode);
        using HttpResponseMessage second = await service.Post(NarrowExplainer.Png(2));
        Assert.Equal(HttpStatusCode.TooManyRequests, second.StatusCode);
        Assert.InRange(second.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 3600);

        rest.SetResult();
        using HttpResponseMessage answer = await first;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await service.Until("iba_open", 0);
        using HttpResponseMessage third = await service.Post(NarrowExplainer.Png(2));
        Assert.Equal(HttpStatusCode.OK, third.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await service.Client.GetAsync("/readyz", Stop)).StatusCode);
    }

    [Fact(Timeout = RunningService.Longest)]
    public async Task A_photo_that_does_not_arrive_in_time_is_given_up()
    {
        await using RunningService service = await RunningService.Start(new ServiceSettings { Time = TimeSpan.FromSeconds(0.2) });
        using TcpClient caller = await service.SendHalf();
        using var answer = new StreamReader(caller.GetStream());
        Assert.Equal("HTTP/1.1 408 Request Timeout", await answer.ReadLineAsync(Stop));
    }

    /// <summary>Whoever hangs up takes their photo out.</summary>
    [Fact(Timeout = RunningService.Longest)]
    public async Task A_caller_that_hangs_up_frees_its_place()
    {
        await using RunningService service = await RunningService.Start();
        using (await service.SendHalf())
            await service.Until("iba_open", 1);
        await service.Until("iba_open", 0);
        await service.Until("iba_requests_total", 1);
        Assert.Equal(0, await service.Metric("iba_explain_seconds_count"));
    }

    [Fact(Timeout = RunningService.Longest)]
    public async Task Requests_in_work_are_answered_before_the_service_stops()
    {
        await using RunningService service = await RunningService.Start();
        var rest = new TaskCompletionSource();
        byte[] photo = NarrowExplainer.Png(1);
        byte[] expected = (await service.Alone(photo)).ToPng();
        Task<HttpResponseMessage> first = service.Post(new SlowPhoto(photo, rest.Task), "format=png");
        await service.Until("iba_open", 1);
        Task stopped = service.Stop();
        Assert.False(stopped.IsCompleted);
        rest.SetResult();
        using HttpResponseMessage answer = await first;
        Assert.Equal(expected, await answer.Content.ReadAsByteArrayAsync(Stop));
        await stopped;
        await Assert.ThrowsAsync<HttpRequestException>(() => service.Client.GetAsync("/healthz", Stop));
    }

    [Fact(Timeout = RunningService.Longest)]
    public async Task Without_the_key_only_health_and_the_page_are_answered()
    {
        const string Secret = "a secret of 24 letters..";
        await using RunningService service = await RunningService.Start(new ServiceSettings { Key = ApiKey.Find(null, Secret) });
        byte[] photo = NarrowExplainer.Png(1);
        foreach (string path in (string[])["/", "/healthz", "/readyz", "/openapi.json"])
            Assert.Equal(HttpStatusCode.OK, (await service.Client.GetAsync(path, Stop)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await service.Client.GetAsync("/metrics", Stop)).StatusCode);
        await AnswerTests.Refused(await service.Post(photo), 401, "Bearer");
        await AnswerTests.Refused(await service.Post(photo, headers: headers => headers.Authorization = new("Bearer", Secret[..^1])), 401, "Bearer");
        using HttpResponseMessage bearer = await service.Post(photo, headers: headers => headers.Authorization = new("Bearer", Secret));
        using HttpResponseMessage header = await service.Post(photo, headers: headers => headers.Add("X-API-Key", Secret));
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (bearer.StatusCode, header.StatusCode));
    }

    [Fact]
    public void Only_this_machine_may_call_without_a_key()
    {
        new ServiceSettings().Check();
        Assert.Throws<ArgumentException>(() => new ServiceSettings { Listen = new(IPAddress.Any, 80) }.Check());
        new ServiceSettings { Listen = new(IPAddress.Any, 80), Key = ApiKey.Find(null, "0123456789abcdef") }.Check();
        Assert.Throws<ArgumentException>(() => ApiKey.Find(null, "short"));
        Assert.Null(ApiKey.Find(null, ""));
    }

    /// <summary>Routes ignore case and a slash at the end, and so does the guard.</summary>
    [Theory(Timeout = RunningService.Longest)]
    [InlineData("POST", "/Explain")]
    [InlineData("POST", "/explain/")]
    [InlineData("GET", "/METRICS")]
    [InlineData("GET", "/metrics/")]
    [InlineData("GET", "/nothing")]
    public async Task Another_spelling_of_a_path_needs_the_key_too(string verb, string path)
    {
        await using RunningService service = await RunningService.Start(new ServiceSettings { Key = ApiKey.Find(null, "a secret of 24 letters..") });
        using var request = new HttpRequestMessage(new HttpMethod(verb), path);
        await AnswerTests.Refused(await service.Client.SendAsync(request, Stop), 401, "Bearer");
    }

    /// <summary>
    /// The program: it logs JSON on standard error, answers, and ends with 0 when it is told to. Kestrel's own settings, here an address that this machine
    /// lacks, are not read.
    /// </summary>
    [Fact(Timeout = RunningService.Longest)]
    public async Task The_program_serves_until_SIGTERM()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "a process cannot be sent signals from here on Windows");
        string folder = Directory.CreateTempSubdirectory("iba-serve-").FullName;
        string settings = $$"""{ "Kestrel": { "Endpoints": { "Y": { "Url": "http://{{Foreign}}" } } } }""";
        await File.WriteAllTextAsync(Path.Combine(folder, "appsettings.json"), settings, Stop);
        using Process process = StartProgram("127.0.0.1:0", folder);
        try
        {
            List<string> reasons = [];
            JsonElement listening;
            while (true)
            {
                listening = JsonDocument.Parse((await process.StandardError.ReadLineAsync(Stop))!).RootElement;
                int kind = listening.GetProperty("EventId").GetInt32();
                if (kind == 1)
                    break;
                if (kind == 5)
                    reasons.Add(listening.GetProperty("State").GetProperty("Reason").GetString()!);
            }
            // Where it runs on the CPU, one line says why.
            string device = listening.GetProperty("State").GetProperty("Device").GetString()!;
            Assert.Equal(device.StartsWith("CPU", StringComparison.Ordinal) ? 1 : 0, reasons.Count);
            Assert.All(reasons, reason => Assert.StartsWith("running on the CPU: ", reason));
            using var client = new HttpClient { BaseAddress = new Uri(listening.GetProperty("State").GetProperty("Address").GetString()!) };
            Assert.Equal("ok", await client.GetStringAsync("/healthz", Stop));
            Assert.Equal($"ready on {device}", await client.GetStringAsync("/readyz", Stop));
            using var kill = Process.Start("kill", $"{process.Id}");
            string[] rest = (await process.StandardError.ReadToEndAsync(Stop)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            await process.WaitForExitAsync(Stop);
            Assert.Equal(0, process.ExitCode);
            Assert.All(rest, line => JsonDocument.Parse(line));
        }
        finally
        {
            process.Kill();
            Directory.Delete(folder, true);
        }
    }

    [Fact(Timeout = RunningService.Longest)]
    public async Task An_address_that_this_machine_lacks_is_an_error_in_one_line()
    {
        using Process process = StartProgram(Foreign, AppContext.BaseDirectory);
        try
        {
            string said = await process.StandardError.ReadToEndAsync(Stop);
            await process.WaitForExitAsync(Stop);
            Assert.Equal(1, process.ExitCode);
            Assert.StartsWith($"iba-serve: --listen {Foreign}: ", said);
            Assert.Single(said.TrimEnd().Split('\n'));
        }
        finally
        {
            process.Kill();
        }
    }

    private static Process StartProgram(string listen, string folder)
    {
        string[] arguments = ["--weights", NarrowExplainer.Weights, "--device", "auto", "--listen", listen];
        return Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "iba-serve"), arguments)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            WorkingDirectory = folder,
            Environment =
            {
                ["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..")),
                ["IBA_KEY"] = "a secret of 24 letters..",
                ["Kestrel__Endpoints__X__Url"] = $"http://{Foreign}",
                ["ASPNETCORE_URLS"] = $"http://{Foreign}",
            },
        })!;
    }
}
