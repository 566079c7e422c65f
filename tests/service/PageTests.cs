using System.Globalization;
using Iba.Engine.Files;
using Iba.Explaining;
using Iba.Service;
using Tests.Browser;
using Tests.Explaining;
using Xunit;

namespace Tests.Service;

/// <summary>The page of the service in a real browser.</summary>
public sealed class PageTests
{
    private const string Key = "a secret of 24 letters..";

    /// <summary>
    /// A photo is dropped, the slider moves, files are bad, the key is missing, the queue is full: by mouse and by keys, wide and narrow, light and dark.
    /// </summary>
    [Fact(Timeout = 5 * RunningService.Longest)]
    public async Task A_visitor_sees_the_map_follow_β_and_is_told_what_is_wrong()
    {
        using var folder = new TemporaryFolder();
        string statistics = NarrowExplainer.SaveStatistics(folder["statistics.safetensors"]);
        var usual = new ServiceSettings { MostBytes = 100_000 };
        await using RunningService open = await RunningService.Start(usual, statistics);
        await using RunningService guarded = await RunningService.Start(usual with { Key = ApiKey.Find(null, Key) }, statistics);
        await using RunningService full = await RunningService.Start(usual with { Queue = 1 }, statistics);
        byte[] photo = NarrowExplainer.Png(1);
        PhotoExplanation first = await Explain(10);
        int other = first.Predicted == 0 ? 1 : 0;
        PhotoExplanation ofOther = await Explain(0.1, $"{other}");
        var plan = new
        {
            open = open.Client.BaseAddress,
            guarded = guarded.Client.BaseAddress,
            full = full.Client.BaseAddress,
            key = Key,
            photo = folder.With("photo.png", photo),
            broken = folder.With("broken.txt", "no photo"u8),
            large = folder.With("large.png", new byte[usual.MostBytes + 1]),
            expected = new Dictionary<string, double[]> { ["10"] = Numbers(first), ["0.1"] = Numbers(await Explain(0.1)) },
            other = (object[])[$"{other}", ofOther.Label, ofOther.Bits!.TotalBits],
            shots = Environment.GetEnvironmentVariable("IBA_SHOTS"),
        };
        await Task.Run(() => Chromium.Run("service.mjs", plan), TestContext.Current.CancellationToken);

        async Task<PhotoExplanation> Explain(double β, string? target = null)
        {
            string method = string.Create(CultureInfo.InvariantCulture, $"per-sample:beta={β}");
            return await open.Explainer.ExplainAsync(
                FileSource.Of(photo, "photo.png"), new ExplainerRequest { Method = method, Target = target }, TestContext.Current.CancellationToken);
        }

        static double[] Numbers(PhotoExplanation of) => [of.Bits!.TotalBits, of.Heatmap.Max, of.Bits.ProbabilityRestricted];
    }
}
