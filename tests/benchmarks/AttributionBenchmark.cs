using System.Diagnostics;
using System.Text.Json.Nodes;
using Iba.Bottleneck;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Networks;
using Tests.Devices;

namespace Benchmarks;

/// <summary>
/// What one attribution by the per-sample bottleneck takes, with the paper's settings on full-size networks with random weights: an image from
/// pixels to map, and a step of the optimisation alone, replayed and verb by verb.
/// </summary>
internal sealed class AttributionBenchmark : IDisposable
{
    private readonly IBackend _backend;
    private readonly FullSizeNetwork _subject;
    private readonly string _precision;
    private readonly long _freeBefore = FreeBytes();

    private AttributionBenchmark(string architecture, string? precision)
    {
        _precision = precision ?? "fp32";
        _backend = precision is null ? new CpuBackend() : CudaBackend.Open(0, precision switch
        {
            "fp32" => Precision.Float32,
            "bf16" => Precision.BFloat16,
            _ => Precision.TensorFloat32,
        });
        _subject = new FullSizeNetwork(architecture, _backend);
    }

    /// <summary>Arguments: cpu or cuda, a file for the figures, then networks, precisions and batch sizes; all of a kind where none is named.</summary>
    public static void Run(string[] args)
    {
        if (args is not [("cpu" or "cuda") and var device, var file, .. var words])
            throw new ArgumentException("attribution cpu|cuda FILE [resnet50] [vgg16] [fp32] [tf32] [bf16] [BATCH...]");
        var figures = new Figures(file);
        string?[] precisions = device == "cpu" ? [null] : [.. Named(words, ["bf16", "tf32", "fp32"])];
        int[] batches = [.. words.Where(word => int.TryParse(word, out _)).Select(int.Parse)];
        foreach (string architecture in Named(words, [ResNet.ResNet50.Name, Vgg.Vgg16.Name]))
        {
            foreach (string? precision in precisions)
            {
                using var benchmark = new AttributionBenchmark(architecture, precision);
                foreach (int batch in batches.Length > 0 ? batches : [16, 1, 8])
                {
                    JsonObject measured = benchmark.Measure(batch);
                    figures.Add(measured);
                    Console.WriteLine(measured.ToJsonString());
                }
            }
        }
    }

    public void Dispose() => _backend.Dispose();

    private JsonObject Measure(int batch)
    {
        var figures = new JsonObject
        {
            ["subject"] = "attribution",
            ["device"] = _backend.Name,
            ["network"] = _subject.Network.Name,
            ["precision"] = _precision,
            ["batch"] = batch,
        };
        try
        {
            MeasureImages(batch, figures);
            MeasureSteps(batch, figures);
        }
        catch (DeviceMemoryException full)
        {
            figures["stopped"] = full.Message;
        }
        if (_backend is CudaBackend cuda)
            Describe(cuda, figures);
        return figures;
    }

    /// <summary>From pixels on the host to maps on the host.</summary>
    private void MeasureImages(int batch, JsonObject figures)
    {
        using var attribution = new WholeAttribution(_subject, batch);
        figures["first_seconds"] = Figures.Number(Seconds(() => attribution.Run()));
        double seconds = Median(() => attribution.Run());
        figures["ms_per_image"] = Figures.Number(seconds * 1e3 / batch);
        figures["images_per_second"] = Figures.Number(batch / seconds);
        if (_backend is CudaBackend)
            figures["device_mib"] = Figures.Number((_freeBefore - FreeBytes()) / 1048576.0);
    }

    /// <summary>A step on the device alone: ten are sent, then one number is waited for.</summary>
    private void MeasureSteps(int batch, JsonObject figures)
    {
        var settings = new BottleneckSettings();
        using var fit = new MaskFit(_subject.Network.After(_subject.Statistics.Origin.Layer), _subject.Statistics, batch, settings);
        var losses = new float[fit.ModelHistory.Shape.Count];
        figures["ms_per_step"] = Figures.Number(Steps(fit.Step));
        figures["ms_per_step_verb_by_verb"] = Figures.Number(Steps(fit.StepByVerbs));
        if (_backend.Replay(fit.StepByVerbs) is not Capture loop)
            return;
        fit.Begin();
        loop.Run();
        loop.Run();
        figures["launches_per_step"] = loop.Launches;
        figures["graph"] = loop.Refusal ?? "captured";
        loop.Dispose();

        double Steps(Action step) => Median(
            () =>
            {
                for (int i = 0; i < settings.Steps; i++)
                    step();
                _backend.Download(fit.ModelHistory, losses);
            },
            () =>
            {
                fit.Begin();
                _backend.Download(fit.ModelHistory, losses);
            }) * 1e3 / settings.Steps;
    }

    /// <summary>How many convolutions and products take each route, and which do not take the fastest.</summary>
    private static void Describe(CudaBackend cuda, JsonObject figures)
    {
        figures["routes"] = new JsonObject(
            cuda.Choices.GroupBy(choice => choice.Route).Select(group => KeyValuePair.Create($"{group.Key}", (JsonNode?)group.Count())));
        figures["not_fused"] = new JsonArray([.. cuda.Choices.Where(choice => choice.Route is Route.Single or Route.OwnKernel)
            .Select(choice => (JsonNode)$"{choice.Unit}: {choice.Route}, {choice.Reason}")]);
        figures["notes"] = new JsonArray([.. cuda.Notes.Concat(cuda.KernelNotes.Select(note => $"{note.Key}: {note.Value}")).Select(note => (JsonNode)note)]);
    }

    private static string[] Named(string[] words, string[] all)
    {
        string[] named = [.. all.Where(words.Contains)];
        return named.Length > 0 ? named : all;
    }

    /// <summary>After one warm-up, the median of at least three runs and of at most twenty or two seconds.</summary>
    private static double Median(Action run, Action? before = null)
    {
        var seconds = new List<double>();
        before?.Invoke();
        run();
        while (seconds.Count < 3 || seconds.Count < 20 && seconds.Sum() < 2)
        {
            before?.Invoke();
            seconds.Add(Seconds(run));
        }
        return seconds.Order().ElementAt(seconds.Count / 2);
    }

    private static double Seconds(Action run)
    {
        long start = Stopwatch.GetTimestamp();
        run();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Of the first GPU; 0 where there is none.</summary>
    private static long FreeBytes() => Doctor.Examine().Devices is [var first, ..] ? first.FreeBytes : 0;
}
