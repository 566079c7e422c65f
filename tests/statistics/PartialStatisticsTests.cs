using Iba;
using Iba.Datasets;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Networks;
using Iba.Engine.Training;
using Iba.Images;
using Iba.Shapes;
using Iba.Statistics;
using Xunit;

namespace Tests.Statistics;

/// <summary>Estimates that are stopped and continued, and estimates in parts.</summary>
public sealed class PartialStatisticsTests : IDisposable
{
    private const int Count = 30;
    private const string Layer = "layer1";

    private readonly TemporaryFolder _folder = new();
    private readonly CpuBackend _backend = new();
    private readonly Classifier _classifier;
    private readonly PhotoSet _photos;

    public PartialStatisticsTests()
    {
        new ShapesFolder(_folder["shapes"]).Write(new ShapesDataset(seed: 9, size: 64), Count);
        _photos = new PhotoSet(_folder["shapes/images"]);
        File.WriteAllText(_photos.Files[11].Path, "no photo");
        _classifier = new Classifier(ResNet.ResNet50.Build(_backend, new FreshParameters(_backend, new NetworkWidth(16, 8, 10), seed: 1)))
        {
            Preprocessing = new Preprocessing { Resize = 32, Crop = 32 },
            WeightsSha256 = new string('1', 64),
        };
    }

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    /// <summary>
    /// The relative error of M2 is about n κ 2^-53, where κ^2 = 1 + n mean^2 / M2 (Chan, Golub and LeVeque 1983). Here n = 90 and κ is about 1.5, which
    /// gives 2e-14; the other sums are of numbers of one sign, and closer. Neurons that never vary are exact.
    /// </summary>
    [Fact]
    public void Three_merged_estimators_are_one_within_1e_12()
    {
        const int Neurons = 64;
        var random = new Random(5);
        float[][] images = [.. Enumerable.Range(0, 90).Select(_ => Enumerable.Range(0, Neurons).Select(Value).ToArray())];
        FeatureEstimator whole = Over(images), merged = new(Neurons);
        foreach (int part in (int[])[0, 1, 2])
            merged.Merge(Over(new Shard(part, 3).Of(images)));
        merged.Merge(new FeatureEstimator(Neurons));

        Assert.Equal(whole.Samples, merged.Samples);
        foreach ((double[] one, double[] three) in whole.State.Zip(merged.State))
            Assert.All(one.Zip(three), pair => Assert.True(Math.Abs(pair.First - pair.Second) <= 1e-12 * Math.Abs(pair.First), $"{pair}"));
        var origin = new FeatureOrigin("n", "l", new(1, 8, 8, 1), "");
        AssertSame(whole.Finish(origin), merged.Finish(origin));
        Assert.Equal(0, merged.State[1][1]);

        // Neuron 0 is never active, neuron 1 never varies; the others are rectified, each of another magnitude.
        float Value(int neuron) => neuron == 0 ? 0 : neuron == 1 ? 0.1f : (float)Math.Max(0, random.NextDouble() - 0.3) * neuron;

        static FeatureEstimator Over(IEnumerable<float[]> images)
        {
            var estimator = new FeatureEstimator(Neurons);
            foreach (float[] image in images)
                estimator.Add(image);
            return estimator;
        }
    }

    [Fact]
    public void Estimators_of_other_sizes_are_not_merged() =>
        Assert.Contains("of 3 neurons", Assert.Throws<ArgumentException>(() => new FeatureEstimator(2).Merge(new FeatureEstimator(3))).Message);

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(40)]
    public void Parts_joined_in_any_order_are_one_run(int parts)
    {
        string[] files = [.. Enumerable.Range(0, parts).Select(part => Part(part, parts))];
        FeatureStatistics joined = PartialStatistics.Merge([.. files.Reverse()]);
        FeatureStatistics one = Estimation.Run(_classifier, _photos, [Layer]).First;
        Assert.Equal(Count - 1, joined.Samples);
        Assert.Equal(one.Origin, joined.Origin);
        AssertSame(one, joined);
        Assert.Equal(joined.Sha256, PartialStatistics.Merge(files).Sha256);
    }

    [Fact]
    public void A_run_that_is_stopped_again_and_again_ends_with_the_bytes_of_an_undisturbed_one()
    {
        Estimation.Run(_classifier, _photos, [Layer]).First.Save(_folder["whole"]);
        var random = new Random(3);
        int stops = 0, leftOut = 0;
        PartialStatistics? part = null;
        while (part is null)
        {
            using var stop = new CancellationTokenSource();
            // A batch has 8 photos. The first run stops within its second one, which the file that is no photo is in.
            long after = stops == 0 ? Count : random.Next(1, Count);
            try
            {
                part = Run(seen => Stop(seen >= after), _ => Stop(leftOut++ == 0), cancellation: stop.Token);
            }
            catch (OperationCanceledException)
            {
                if (stops++ == 0)
                    Assert.Equal((8, 0), (Kept.Done, Kept.LeftOut));
            }

            void Stop(bool now)
            {
                if (now)
                    stop.Cancel();
            }
        }
        Assert.InRange(stops, 2, 100);
        part.Features.Finish(part.Origin).Save(_folder["stopped"]);
        Assert.Equal(File.ReadAllBytes(_folder["whole"]), File.ReadAllBytes(_folder["stopped"]));
        Assert.Equal((Count, 1, true), (part.Done, part.LeftOut, part.IsWhole));
    }

    /// <summary>What a killed process leaves is a state that was saved earlier.</summary>
    [Fact]
    public void Every_saved_state_leads_to_the_same_bytes()
    {
        Run(seen =>
        {
            if (File.Exists(_folder["partial"]))
                File.Copy(_folder["partial"], _folder[$"state{seen}"], overwrite: true);
        });
        Estimation.Run(_classifier, _photos, [Layer]).First.Save(_folder["whole"]);
        string[] states = [.. _folder.Files.Where(name => name.StartsWith("state", StringComparison.Ordinal))];
        Assert.Contains("state8", states);
        Assert.Contains("state24", states);
        foreach (string state in states)
        {
            PartialStatistics part = Estimation.RunPart(_classifier, _photos, Layer, _folder[state]);
            part.Features.Finish(part.Origin).Save(_folder["resumed"]);
            Assert.Equal(File.ReadAllBytes(_folder["whole"]), File.ReadAllBytes(_folder["resumed"]));
        }
    }

    [Fact]
    public void A_state_of_other_settings_or_photos_is_refused_by_name()
    {
        Begin();
        byte[] before = File.ReadAllBytes(_folder["partial"]);
        Refused("layer 'layer1.2', not 'layer2.3'", () => Run(layer: "layer2"));
        Refused("weights_sha256", () => Run(classifier: _classifier with { WeightsSha256 = new string('2', 64) }));
        Refused("preprocessing", () => Run(classifier: _classifier with { Preprocessing = _classifier.Preprocessing with { Resize = 40 } }));
        Refused("upright", () => Run(classifier: _classifier with { Rotate = true }));
        Refused($"photos '{Count}', not '10'", () => Run(samples: 10));
        Refused("shard '1/1', not '1/2'", () => Run(shard: new Shard(0, 2)));
        using var plain = new CpuBackend { Winograd = false };
        Refused("arithmetic", () => Run(classifier: _classifier with
        {
            Network = ResNet.ResNet50.Build(plain, new FreshParameters(plain, new NetworkWidth(16, 8, 10), seed: 1)),
        }));
        File.AppendAllText(_photos.Files[3].Path, "x");
        Refused("photos_sha256", () => Run());
        Assert.Equal(before, File.ReadAllBytes(_folder["partial"]));

        void Refused(string difference, Action run)
        {
            StatisticsException refused = Assert.Throws<StatisticsException>(run);
            Assert.Contains($"{_folder["partial"]}: it was begun with", refused.Message);
            Assert.Contains(difference, refused.Message);
            Assert.Contains("Delete it to start over, or give the settings", refused.Message);
        }
    }

    [Fact]
    public void A_damaged_state_is_refused()
    {
        Begin();
        byte[] bytes = File.ReadAllBytes(_folder["partial"]);
        bytes[^1] ^= 1;
        File.WriteAllBytes(_folder["partial"], bytes);
        Refused("checksum");
        File.WriteAllBytes(_folder["partial"], bytes[..100]);
        Refused(_folder["partial"]);
        Estimation.Run(_classifier, _photos, [Layer]).First.Save(_folder["partial"]);
        Refused("it holds no part of an estimate");

        void Refused(string reason)
        {
            StatisticsException refused = Assert.Throws<StatisticsException>(() => Run());
            Assert.Contains(reason, refused.Message);
            Assert.Contains("Delete it", refused.Message);
        }
    }

    [Fact]
    public void Parts_that_do_not_make_one_estimate_are_refused()
    {
        string[] parts = [.. Enumerable.Range(0, 3).Select(part => Part(part, 3))];
        Refused("of 3, 1 is missing: 2/3", parts[0], parts[2]);
        Refused("of 3, 2 are missing: 1/3, 2/3", parts[2]);
        Refused($"it is part 1/3, as {parts[0]} is", parts[0], parts[1], parts[0], parts[2]);
        Refused($"it is part 2/2, and {parts[0]} is part 1/3", parts[0], Part(1, 2));
        Refused($"it is a part of another estimate than {parts[0]}: layer 'layer2.3', not 'layer1.2'", parts[0], Part(1, 3, "layer2"), parts[2]);
        Refused("none is named");
        Begin(new Shard(1, 2));
        Refused("part 2/2 is not finished: 9 of its 15 photos are in it", Part(0, 2), _folder["partial"]);
        Estimation.Run(_classifier, _photos, [Layer]).First.Save(_folder["whole"]);
        Refused("it holds no part of an estimate", parts[0], _folder["whole"]);
        Assert.Contains("Join all parts with: iba estimate merge", Assert.Throws<StatisticsException>(() => FeatureStatistics.Load(parts[0])).Message);

        static void Refused(string reason, params string[] parts) =>
            Assert.Contains(reason, Assert.Throws<StatisticsException>(() => PartialStatistics.Merge(parts)).Message);
    }

    /// <summary>Errors of 1e-12 change a float by one unit in the last place at most, where they cross the middle between two floats.</summary>
    private static void AssertSame(FeatureStatistics one, FeatureStatistics joined)
    {
        foreach ((float[] expected, float[] actual) in ((float[], float[])[])
            [(one.Mean, joined.Mean), (one.Std, joined.Std), (one.Rms, joined.Rms), (one.Nonzero, joined.Nonzero)])
        {
            Assert.All(expected.Zip(actual), pair => Assert.InRange(
                BitConverter.SingleToInt32Bits(pair.First) - BitConverter.SingleToInt32Bits(pair.Second), -1, 1));
        }
    }

    private PartialStatistics Kept => PartialStatistics.Load(_folder["partial"]);

    /// <summary>Makes a file of the first batch.</summary>
    private void Begin(Shard? shard = null)
    {
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Run(
            seen =>
            {
                if (seen > 0)
                    stop.Cancel();
            },
            shard: shard, cancellation: stop.Token));
    }

    private string Part(int index, int count, string layer = Layer)
    {
        string file = _folder[$"part{index}of{count}{layer}"];
        Estimation.RunPart(_classifier, _photos, layer, null, new Shard(index, count)).Save(file);
        return file;
    }

    private PartialStatistics Run(
        Action<long>? progress = null, Action<ImageException>? leftOut = null, Classifier? classifier = null, string layer = Layer, Shard? shard = null,
        int samples = Count, CancellationToken cancellation = default) => Estimation.RunPart(
            classifier ?? _classifier, new PhotoSet(_folder["shapes/images"]), layer, _folder["partial"], shard, samples, TimeSpan.Zero,
            new ProgressRelay<long>(progress ?? (_ => { })), null, leftOut, cancellation);
}
