using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Iba.Explaining;
using Iba.Service;
using Tests.Explaining;
using Xunit;

namespace Tests.Service;

/// <summary>What the service answers, over real sockets.</summary>
public sealed class AnswerTests : IAsyncLifetime
{
    private RunningService _service = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _service = await RunningService.Start(new ServiceSettings { MostBytes = 100_000, MostPixels = 10_000 });

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact(Timeout = RunningService.Longest)]
    public async Task A_photo_is_explained_in_every_form_as_the_library_explains_it()
    {
        byte[] photo = NarrowExplainer.Png(1);
        PhotoExplanation expected = await _service.Alone(photo);
        Assert.Equal(expected.ToPng(), await Read("format=png"));
        Assert.Equal(expected.ToPng(2), await Read("format=png&scale=2"));
        Assert.Equal(expected.ToSafetensors(), await Read("format=safetensors"));
        Assert.Equal(expected.ToHtml(), await Read("format=html"));
        JsonElement json = JsonDocument.Parse(await Read("picture=true")).RootElement;
        Assert.Equal(expected.Probability, json.GetProperty("probability").GetDouble());
        Assert.Equal(expected.Label, json.GetProperty("target_label").GetString());
        Assert.Equal(expected.ToPng(), json.GetProperty("picture").GetBytesFromBase64());
        Assert.False(json.TryGetProperty("total_bits", out _), "a gradient has no bits");

        async Task<byte[]> Read(string query)
        {
            using HttpResponseMessage answer = await _service.Post(photo, query);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            return await answer.Content.ReadAsByteArrayAsync(Stop);
        }
    }

    [Theory(Timeout = RunningService.Longest)]
    [InlineData("", "application/json")]
    [InlineData("*/*", "application/json")]
    [InlineData("image/*;q=0.8", "image/png")]
    [InlineData("text/css, text/html", "text/html")]
    [InlineData("application/octet-stream", "application/octet-stream")]
    public async Task The_Accept_header_chooses_the_form(string accept, string expected)
    {
        using HttpResponseMessage answer = await _service.Post(
            NarrowExplainer.Png(1), headers: headers => headers.TryAddWithoutValidation("Accept", accept));
        Assert.Equal(expected, answer.Content.Headers.ContentType!.MediaType);
    }

    [Theory(Timeout = RunningService.Longest)]
    [InlineData("format=tiff", "image/png", 406, "safetensors")]
    [InlineData("", "text/plain", 415, "image/jpeg")]
    [InlineData("", null, 415, "image/jpeg")]
    [InlineData("method=magic", "image/png", 400, "magic")]
    [InlineData("method=smoothgrad:noise-samples=201", "image/png", 400, "at most 200")]
    [InlineData("target=1000", "image/png", 400, "no class has that number")]
    [InlineData("format=png&scale=-1", "image/png", 400, "scale")]
    public async Task What_cannot_be_answered_says_why(string query, string? type, int status, string word) =>
        await Refused(await _service.Post(NarrowExplainer.Png(1), query, type), status, word);

    [Fact(Timeout = RunningService.Longest)]
    public async Task Photos_that_are_none_or_cost_too_much_are_refused()
    {
        await Refused(await _service.Post("no photo"u8.ToArray()), 422, "photo");
        await Refused(await _service.Post(NarrowExplainer.Png(1)[..500]), 422, "photo");
        await Refused(await _service.Post([]), 422, "photo");
        await Refused(await _service.Post(new byte[100_001]), 413, "100000 bytes");
        await Refused(await _service.Post(NarrowExplainer.Png(1, 101, 100)), 413, "101 x 100");
        await _service.Until("iba_open", 0);
    }

    [Fact(Timeout = RunningService.Longest)]
    public async Task A_call_is_counted_once_however_its_path_is_spelled()
    {
        await Refused(await _service.Client.PostAsync("/Explain/", null, Stop), 415, "image/jpeg");
        await _service.Until("iba_requests_total", 1);
        await Refused(await _service.Post(NarrowExplainer.Png(1), "method=magic"), 400, "magic");
        await _service.Until("iba_requests_total", 2);
    }

    /// <summary>A page elsewhere could give its own name this machine's address.</summary>
    [Fact(Timeout = RunningService.Longest)]
    public async Task A_foreign_host_name_is_refused() =>
        await Refused(await _service.Post(NarrowExplainer.Png(1), headers: headers => headers.Host = "evil.example"), 403, "evil.example");

    [Fact(Timeout = RunningService.Longest)]
    public async Task The_description_names_every_path_and_every_status_that_the_tests_meet()
    {
        JsonElement description = await _service.Client.GetFromJsonAsync<JsonElement>("/openapi.json", Stop);
        Assert.StartsWith("3.", description.GetProperty("openapi").GetString());
        string[] paths = [.. description.GetProperty("paths").EnumerateObject().Select(path => path.Name)];
        Assert.Equal(["/explain", "/healthz", "/readyz", "/metrics", "/openapi.json"], paths);
        foreach (string path in paths[1..])
            Assert.Equal(HttpStatusCode.OK, (await _service.Client.GetAsync(path, Stop)).StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await _service.Client.GetAsync("/explain", Stop)).StatusCode);
        JsonElement answers = description.GetProperty("paths").GetProperty("/explain").GetProperty("post").GetProperty("responses");
        string[] met = ["200", "400", "401", "403", "406", "408", "413", "415", "422", "429", "503"];
        Assert.All(met, status => Assert.True(answers.TryGetProperty(status, out _)));
    }

    [Fact(Timeout = RunningService.Longest)]
    public async Task The_page_loads_only_its_own_style_and_script()
    {
        using HttpResponseMessage page = await _service.Client.GetAsync("/", Stop);
        string policy = Assert.Single(page.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("default-src 'none'; script-src 'self'; style-src 'self'", policy);
        string text = await page.Content.ReadAsStringAsync(Stop);
        Assert.Contains("<script src=\"page.js\"", text);
        Assert.DoesNotContain("<style", text);
        Assert.DoesNotContain("style=", text);
        Assert.Equal("text/javascript", (await _service.Client.GetAsync("/page.js", Stop)).Content.Headers.ContentType!.MediaType);
        Assert.Contains(".controls", await _service.Client.GetStringAsync("/page.css", Stop));
    }

    internal static async Task Refused(HttpResponseMessage answer, int status, string word)
    {
        using (answer)
        {
            string body = await answer.Content.ReadAsStringAsync(Stop);
            Assert.True((int)answer.StatusCode == status, $"{(int)answer.StatusCode}: {body}");
            Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.MediaType);
            JsonElement problem = JsonDocument.Parse(Encoding.UTF8.GetBytes(body)).RootElement;
            Assert.Equal(status, problem.GetProperty("status").GetInt32());
            Assert.Contains(word, problem.GetProperty("detail").GetString());
        }
    }
}
