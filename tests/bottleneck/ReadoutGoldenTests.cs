using Iba;
using Iba.Bottleneck;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;
using Iba.Statistics;
using Tests.Devices;
using Tests.Networks;
using Xunit;

namespace Tests.Bottleneck;

/// <summary>The readout bottleneck against PyTorch: statistics of five layers, the first forward pass, its gradients, three steps of Adam.</summary>
public abstract class ReadoutGoldenTests(Device on)
{
    private const string Name = "resnet50-narrow";

    private static readonly string[] Layers = ["layer1", "layer2", "layer3", "layer4", "fc"];

    [Fact]
    public void Statistics_of_all_layers_are_the_references()
    {
        GoldenFile golden = Golden.Open("readout.safetensors"), images = Golden.Open(golden.Param("estimation_images").Split(" of ")[1]);
        using NarrowNetwork narrow = NarrowNetwork.Open(Name, on);
        Shape image = images.ImageShape("estimation.images");
        StatisticsSet statistics = Estimation.Run(narrow.Network, Layers, image, images.NHWC("estimation.images").Chunk(image.Count));
        foreach ((string layer, FeatureStatistics of) in Layers.Zip(statistics.Layers))
        {
            Close.InMaxNorm(Map(golden, $"stats.{layer}.mean"), of.Mean, 1e-5, $"{layer} mean");
            Close.InMaxNorm(Map(golden, $"stats.{layer}.std"), of.Std, 1e-5, $"{layer} std");
        }
    }

    /// <summary>Case A clamps Z at 0 from below and begins with α about 5; case B does not clamp, and begins with α spread out.</summary>
    [Theory, InlineData("A", true), InlineData("B", false)]
    public void The_readout_and_its_training_follow_the_reference(string which, bool clamp)
    {
        GoldenFile golden = Golden.Open("readout.safetensors");
        using NarrowNetwork narrow = NarrowNetwork.Open(Name, on);
        Shape image = golden.ImageShape("input");
        var settings = new ReadoutSettings
        {
            Width = ReadoutWidth.B,
            Batch = golden.Shape("input")[0],
            Beta = float.Parse(golden.Param("beta")),
            LearningRate = double.Parse(golden.Param("lr")),
            Sigma = double.Parse(golden.Param("sigma")),
            AlphaBound = float.Parse(golden.Param("alpha_bound")),
            MinimumStd = float.Parse(golden.Param("min_std")),
            Clamp = clamp,
        };
        using var readout = new ReadoutNetwork(narrow.Backend, Given(narrow, golden), settings);
        for (int entry = 0; entry < readout.Layout.Entries.Count; entry++)
        {
            string name = $"initial.{readout.Layout.Entries[entry].Name}";
            readout.Upload(entry, golden.Floats(golden.Has($"{which}.{name}") ? $"{which}.{name}" : $"A.{name}"), Data(readout));
        }
        using var training = new ReadoutTraining(narrow.Network, readout, image, new GoldenExamples(golden), "", recordedNoise: true);

        float[] noise = golden.NHWC("noise");
        int steps = int.Parse(golden.Param("steps")), perStep = noise.Length / steps;
        float[] model = new float[steps], information = new float[steps], total = new float[steps];
        for (int step = 0; step < steps; step++)
        {
            narrow.Backend.Upload(noise.AsSpan(step * perStep, perStep), training.Pass.Noise!);
            StepLoss loss = training.Step();
            (model[step], information[step], total[step]) = (loss.Model, loss.Information, loss.Total);
            if (step == 0)
                CheckFirstStep(golden, which, narrow, readout, training);
        }

        Close.InMaxNorm(golden.Floats($"{which}.loss.ce"), model, 1e-5, "loss.ce");
        Close.InMaxNorm(golden.Floats($"{which}.loss.information"), information, 1e-5, "loss.information");
        Close.InMaxNorm(golden.Floats($"{which}.loss.total"), total, 1e-5, "loss.total");
        for (int entry = 0; entry < readout.Layout.Entries.Count; entry++)
        {
            string name = $"{which}.after.{readout.Layout.Entries[entry].Name}";
            float[] expected = golden.Floats(name), actual = readout.Download(entry, Data(readout));
            float[] off = [.. expected.Zip(actual, (a, b) => Math.Abs(a - b))];
            // Adam's first step is about the sign of the gradient, which rounding decides where the gradient is nearly 0.
            Assert.True(off.Max() <= 6e-3, $"{name}: off by {off.Max()}");
            int far = off.Count(error => error > 2e-5);
            Assert.True(far <= off.Length / 50, $"{name}: {far} of {off.Length} are off by more than 2e-5");
        }
    }

    private static void CheckFirstStep(GoldenFile golden, string which, NarrowNetwork narrow, ReadoutNetwork readout, ReadoutTraining training)
    {
        Close.InMaxNorm(golden.NHWC($"{which}.alpha"), narrow.Backend.Read(training.Pass["α"]), 1e-4, "alpha");
        Close.InMaxNorm(golden.NHWC($"{which}.lambda"), narrow.Backend.Read(training.Pass["λ"]), 1e-4, "lambda");
        Close.InMaxNorm(golden.NHWC($"{which}.Z"), narrow.Backend.Read(training.Pass["Z"]), 1e-4, "Z");
        Close.InMaxNorm(golden.Floats($"{which}.logits"), narrow.Backend.Read(training.Pass.RestrictedLogits), 1e-4, "logits");
        Close.InMaxNorm(golden.NHWC($"{which}.capacity.nats"), narrow.Backend.Read(training.Pass.Capacity), 1e-4, "capacity.nats");
        for (int entry = 0; entry < readout.Layout.Entries.Count; entry++)
        {
            string name = $"{which}.grad.{readout.Layout.Entries[entry].Name}";
            Close.InMaxNorm(golden.Floats(name), readout.Download(entry, training.Gradients), 1e-4, name);
        }
    }

    private static StatisticsSet Given(NarrowNetwork narrow, GoldenFile golden) => new([.. Layers.Select(layer =>
    {
        FeatureOrigin origin = FeatureOrigin.Of(narrow.Network, layer, golden.ImageShape("input"), "");
        float[] mean = Map(golden, $"stats.{layer}.mean"), std = Map(golden, $"stats.{layer}.std");
        float[] active = [.. std.Select(_ => 1f)];
        if (golden.Has($"stats.{layer}.active"))
        {
            bool[] on = golden.Bools($"stats.{layer}.active");
            (int channels, int plane) = (origin.Shape.C, on.Length / origin.Shape.C);
            active = [.. active.Select((_, i) => on[i % channels * plane + i / channels] ? 1f : 0f)];
        }
        return new FeatureStatistics(origin, 64, mean, std, std, active);
    })]);

    private static IEnumerable<Tensor> Data(ReadoutNetwork readout) => readout.Parameters.Select(parameter => parameter.Data);

    private static float[] Map(GoldenFile golden, string field) => golden.Shape(field).Length == 1 ? golden.Floats(field) : golden.NHWC(field);

    private sealed class GoldenExamples(GoldenFile golden) : IReadoutExamples
    {
        private readonly float[][] _images = [.. golden.NHWC("input").Chunk(golden.NHWC("input").Length / golden.Shape("input")[0])];
        private readonly long[] _labels = golden.Longs("labels");

        public string Description => "golden";

        public Sample At(long position) =>
            new(_images[position % _images.Length], (int)_labels[position % _labels.Length]) { Preprocessing = null };
    }
}

public sealed class ReadoutGoldenTestsOnCpu(Cpu cpu) : ReadoutGoldenTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class ReadoutGoldenTestsOnCuda(Gpu gpu) : ReadoutGoldenTests(gpu);
