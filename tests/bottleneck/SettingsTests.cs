using Iba;
using Iba.Bottleneck;
using Iba.Engine.Autograd;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Tensors;
using Iba.Statistics;
using Tests.Networks;
using Xunit;

namespace Tests.Bottleneck;

/// <summary>The two settings that follow the paper's own code instead of its text, by values.</summary>
public sealed class SettingsTests
{
    /// <summary>At λ = 0 all of Z is noise: mean 0, the root mean square as spread, every neuron active, nothing below 0.</summary>
    [Fact]
    public void ReluRms_draws_noise_around_0_with_the_root_mean_square_and_holds_it_at_0_from_below()
    {
        using var backend = new CpuBackend();
        var shape = new Shape(1, 1, 1, 4);
        var origin = new FeatureOrigin("any", "any", shape, "");
        var statistics = new FeatureStatistics(origin, 10, [5, 5, 5, 5], [1, 1, 1, 1], [2, 3, 4, 0.001f], [1, 1, 0, 0]);
        var settings = new BottleneckSettings { Copies = 1, Sigma = 0, Spread = Spread.ReluRms };
        using var restriction = new Restriction(backend, statistics, 1, settings, recordedNoise: true);
        backend.Upload([10, 10, 10, 10], restriction.Features);
        backend.Upload([1, -1, 0.5f, 2], restriction.Noise!);
        restriction.Standardise();
        Tensor zeros = backend.Allocate(shape), step = backend.Allocate(new Shape(1));
        using var tape = new Tape(backend);
        (Value z, _) = restriction.Record(tape.Variable(zeros, "λ"), step, clamp: true);
        tape.Forward();
        float[] actual = new float[4], standardised = new float[4];
        backend.Download(z.Data, actual);
        backend.Download(restriction.Standardised, standardised);
        // The last spread is raised to the smallest that is allowed, 0.01.
        Assert.Equal([2, 0, 2, 0.02f], actual);
        Assert.Equal([10f / 2, 10f / 3, 10f / 4, 1000], standardised, (a, b) => Math.Abs(a - b) <= 1e-6f * a);
    }

    [Fact]
    public void A_smoothing_wider_than_the_features_is_refused_before_the_work()
    {
        // σ = 2 reaches 4 cells.
        var settings = new BottleneckSettings { Sigma = 2 };
        settings.Check(new Shape(1, 5, 5, 3));
        string message = Assert.Throws<ArgumentException>(() => settings.Check(new Shape(1, 5, 4, 3))).Message;
        Assert.Contains("sigma is 2: it smooths over 4 cells to each side, and the features (1, 5, 4, 3) have 5 x 4 cells", message);
    }

    /// <summary>Noise is a function of the step's number, so a run of t + 1 steps begins as a run of t steps does.</summary>
    [Fact]
    public void The_map_after_the_last_of_t_updates_is_the_map_before_the_last_of_t_plus_1()
    {
        using NarrowNetwork narrow = NarrowNetwork.Open("resnet50-narrow");
        GoldenFile golden = Golden.Open("resnet50-narrow.per_sample.safetensors");
        FeatureStatistics statistics = PerSampleGoldenTests.Estimate(narrow, golden, batch: 8);
        float[] pixels = golden.NHWC("input");
        Heatmap Map(int steps, FinalMap final)
        {
            using var method = new PerSampleBottleneck(
                narrow.Network, statistics, new Shape(1, 96, 96, 3), 1, new BottleneckSettings { Steps = steps, Copies = 2, FinalMap = final });
            return method.Attribute([new Sample(pixels) { Preprocessing = null }]).Single().Heatmap;
        }

        float[] after = Map(2, FinalMap.AfterLastUpdate).Values;
        Assert.Equal(Map(3, FinalMap.BeforeLastUpdate).Values, after);
        Assert.NotEqual(Map(2, FinalMap.BeforeLastUpdate).Values, after);
    }
}
