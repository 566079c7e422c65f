using Iba;
using Iba.Bottleneck;
using Iba.Engine.Files;
using Iba.Engine.Tensors;
using Iba.Engine.Training;
using Iba.Statistics;
using Xunit;

namespace Tests.Bottleneck;

/// <summary>The readout's training and its file.</summary>
public sealed class ReadoutTrainingTests : IDisposable
{
    private static readonly ReadoutSettings Settings = new() { Batch = 2, LearningRate = 1e-3, Seed = 5 };

    private readonly TemporaryFolder _folder = new();
    private readonly ReadoutCase _of = new();

    public void Dispose()
    {
        _of.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Stopped_training_resumes_to_the_same_bytes()
    {
        using (ReadoutNetwork straight = _of.Fresh(Settings))
        using (var training = new ReadoutTraining(_of.Network, straight, _of.Image, _of, ReadoutCase.Weights))
            training.Run(_folder["straight"], 5);

        using (ReadoutNetwork first = _of.Fresh(Settings))
        using (var training = new ReadoutTraining(_of.Network, first, _of.Image, _of, ReadoutCase.Weights))
        {
            using var stop = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => training.Run(_folder["stopped"], 5, new StopAfter(2, stop), stop.Token));
        }
        using (SafetensorsFile file = SafetensorsFile.Open(_folder["stopped"]))
        using (ReadoutNetwork second = ReadoutFile.Read(file, _of.Backend))
        using (var training = new ReadoutTraining(_of.Network, second, _of.Image, _of, ReadoutCase.Weights))
        {
            Assert.Equal(2, second.Steps);
            training.Resume(file);
            training.Run(_folder["stopped"], 5);
        }
        Assert.Equal(File.ReadAllBytes(_folder["straight"]), File.ReadAllBytes(_folder["stopped"]));
    }

    [Fact]
    public void An_example_that_cannot_be_read_ends_training_and_keeps_the_steps_done()
    {
        int training = Environment.CurrentManagedThreadId;
        var unreadable = new UnreadableFrom(2 * Settings.Batch, _of);
        using ReadoutNetwork readout = _of.Fresh(Settings);
        using (var run = new ReadoutTraining(_of.Network, readout, _of.Image, unreadable))
            Assert.Throws<EndOfStreamException>(() => run.Run(_folder["readout"], 5));
        using ReadoutNetwork kept = ReadoutFile.Read(_folder["readout"], _of.Backend);
        Assert.Equal(2, kept.Steps);
        Assert.DoesNotContain(training, unreadable.Threads);
    }

    [Fact]
    public void Training_changes_with_its_seed()
    {
        Assert.NotEqual(AfterOneStep(1), AfterOneStep(2));
        Assert.Equal(AfterOneStep(1), AfterOneStep(1));

        float[] AfterOneStep(ulong seed)
        {
            using ReadoutNetwork readout = _of.Fresh(Settings with { Seed = seed });
            using var training = new ReadoutTraining(_of.Network, readout, _of.Image, _of);
            training.Step();
            return _of.Read(readout.Parameters[^1].Data);
        }
    }

    [Fact]
    public void Training_lowers_the_loss()
    {
        using ReadoutNetwork readout = _of.Fresh(Settings with { LearningRate = 1e-2 });
        using var training = new ReadoutTraining(_of.Network, readout, _of.Image, _of);
        float first = training.Step().Total, last = first;
        for (int step = 0; step < 30; step++)
            last = training.Step().Total;
        // Before training about 5 nats pass each neuron, times β = 10; the cross-entropy is a few nats at most.
        Assert.True(last < first / 2, $"loss {first} became {last}");
    }

    [Fact]
    public void A_loss_that_is_no_number_stops_training_and_keeps_the_parameters()
    {
        using ReadoutNetwork readout = _of.Fresh(Settings);
        Tensor bias = readout.Parameters[^1].Data;
        float[] broken = _of.Read(bias);
        broken[0] = float.NaN;
        _of.Backend.Upload(broken, bias);
        using var training = new ReadoutTraining(_of.Network, readout, _of.Image, _of);
        Assert.Contains("diverged", Assert.Throws<DivergenceException>(() => training.Step()).Message);
        Assert.Equal(0, readout.Steps);
        Assert.Equal(broken, _of.Read(bias));
    }

    [Fact]
    public void A_readout_read_from_its_file_is_unchanged()
    {
        var settings = new ReadoutSettings
        {
            Width = ReadoutWidth.A,
            Beta = 0.3f,
            LearningRate = 1e-3,
            Batch = 3,
            Sigma = 0.7,
            AlphaBound = 4.5f,
            MinimumStd = 0.02f,
            ActiveThreshold = 0.1f,
            Clamp = true,
            Seed = ulong.MaxValue,
        };
        using ReadoutNetwork written = _of.Fresh(settings);
        ReadoutFile.Write(_folder["readout"], written);
        using ReadoutNetwork read = ReadoutFile.Read(_folder["readout"], _of.Backend);
        Assert.Equal(settings, read.Settings);
        foreach ((FeatureStatistics a, FeatureStatistics b) in written.Statistics.Layers.Zip(read.Statistics.Layers))
        {
            Assert.Equal(a.Origin, b.Origin);
            Assert.Equal(a.Mean, b.Mean);
        }
        ReadoutFile.Write(_folder["again"], read);
        Assert.Equal(File.ReadAllBytes(_folder["readout"]), File.ReadAllBytes(_folder["again"]));
        using SafetensorsFile file = SafetensorsFile.Open(_folder["readout"]);
        Assert.Equal([.. written.Layout.Entries.Select(entry => entry.Name)], file.Entries.Take(6).Select(entry => entry.Name));
    }

    [Fact]
    public void Files_that_are_no_readout_say_why()
    {
        using ReadoutNetwork readout = _of.Fresh();
        ReadoutFile.Write(_folder["good"], readout);
        using SafetensorsFile good = SafetensorsFile.Open(_folder["good"]);
        List<SafetensorsTensor> tensors = [.. good.Entries.Select(entry => new SafetensorsTensor(entry.Name, entry.Shape, good.ReadFloats(entry.Name)))];
        _of.Statistics.First.Save(_folder["statistics"]);
        Assert.Contains("width", Refusal(_folder["statistics"]));
        Assert.Contains("conv2.weight", Refusal(With("width", "B", [.. tensors.Where(tensor => tensor.Name != "conv2.weight")])));
        var one = new SafetensorsTensor("conv1.bias", [1], new float[1]);
        Assert.Contains("conv1.bias", Refusal(With("width", "B", [.. tensors.Select(tensor => tensor.Name == one.Name ? one : tensor)])));
        Assert.Contains("conv2.weight", Refusal(With("width", "A")));
        Assert.Contains("width", Refusal(With("width", "C")));
        // Names of the enumeration only, not its numbers or lists.
        Assert.Contains("width", Refusal(With("width", "1")));
        Assert.Contains("width", Refusal(With("width", "A,B")));
        Assert.Contains("beta", Refusal(With("beta", "much")));
        Assert.Contains("beta", Refusal(With("beta", "0,5")));
        Assert.Contains("'maybe' is neither true nor false", Refusal(With("clamp", "maybe")));
        Assert.Contains("iba readout train", Refusal(With("samples", "1")));
        Assert.Contains("sigma", Refusal(With("sigma", "1e9")));
        Assert.Contains("layers", Refusal(With("layers", "")));
        Assert.Contains("layer9", Refusal(With("layers", "layer9")));
        // A layer of 10⁹ channels without elements: nothing of that size may be allocated.
        IEnumerable<SafetensorsTensor> vast = ((string[])["mean", "std", "rms", "nonzero"])
            .Select(name => new SafetensorsTensor($"vast.{name}", [0, 1, 1_000_000_000], Array.Empty<float>()));
        Assert.Contains("damaged", Refusal(With("layers", "vast", [.. tensors, .. vast])));

        string With(string key, string value, IReadOnlyList<SafetensorsTensor>? others = null)
        {
            var facts = new Dictionary<string, string>(good.Metadata) { [key] = value };
            facts.Remove(SafetensorsFile.ChecksumKey);
            SafetensorsFile.Write(_folder["bad"], others ?? tensors, facts);
            return _folder["bad"];
        }

        string Refusal(string path)
        {
            Exception refusal = Assert.ThrowsAny<Exception>(() => ReadoutFile.Read(path, _of.Backend));
            Assert.True(refusal is FileFormatException or StatisticsException, $"{refusal}");
            Assert.Contains(path, refusal.Message);
            return refusal.Message;
        }
    }

    [Fact]
    public void Squares_below_0_and_parameters_that_are_no_numbers_are_neither_read_nor_written()
    {
        using ReadoutNetwork readout = _of.Fresh(Settings);
        using var training = new ReadoutTraining(_of.Network, readout, _of.Image, _of);
        training.Save(_folder["good"]);
        byte[] good = File.ReadAllBytes(_folder["good"]);
        using (SafetensorsFile saved = SafetensorsFile.Open(_folder["good"]))
        {
            var facts = new Dictionary<string, string>(saved.Metadata);
            facts.Remove(SafetensorsFile.ChecksumKey);
            SafetensorsFile.Write(_folder["bad"], [.. saved.Entries.Select(entry => new SafetensorsTensor(
                entry.Name, entry.Shape, entry.Name == "adam.square.conv2.bias" ? [.. saved.ReadFloats(entry.Name).Select(_ => -1e-9f)]
                    : saved.ReadFloats(entry.Name)))], facts, withChecksum: true);
        }
        using SafetensorsFile bad = SafetensorsFile.Open(_folder["bad"]);
        Assert.Contains("adam.square", Assert.Throws<FileFormatException>(() => training.Resume(bad)).Message);

        Tensor bias = readout.Parameters[^1].Data;
        _of.Backend.Upload([.. _of.Read(bias).Select(_ => float.PositiveInfinity)], bias);
        Assert.Throws<DivergenceException>(() => training.Save(_folder["good"]));
        Assert.Equal(good, File.ReadAllBytes(_folder["good"]));
    }

    [Fact]
    public void Training_does_not_resume_with_other_images_or_from_a_file_without_its_state()
    {
        using ReadoutNetwork readout = _of.Fresh(Settings);
        using var training = new ReadoutTraining(_of.Network, readout, _of.Image, _of);
        training.Save(_folder["training"]);
        ReadoutFile.Write(_folder["plain"], readout);
        using SafetensorsFile saved = SafetensorsFile.Open(_folder["training"]), plain = SafetensorsFile.Open(_folder["plain"]);
        Assert.Throws<FileFormatException>(() => training.Resume(plain));
        using var others = new ReadoutCase { Description = "other images" };
        using var elsewhere = new ReadoutTraining(_of.Network, readout, _of.Image, others);
        Assert.Contains("random images, not other images", Assert.Throws<FileFormatException>(() => elsewhere.Resume(saved)).Message);
    }

    [Fact]
    public void Every_epoch_shows_every_example_once_in_an_order_of_its_own()
    {
        var order = new ReadoutOrder(50, seed: 1);
        int[][] epochs = [.. Enumerable.Range(0, 3).Select(epoch => Enumerable.Range(50 * epoch, 50).Select(position => order[position]).ToArray())];
        foreach (int[] epoch in epochs)
            Assert.Equal(Enumerable.Range(0, 50), epoch.Order());
        Assert.NotEqual(epochs[0], epochs[1]);
        Assert.NotEqual(epochs[1], epochs[2]);
        Assert.NotEqual(epochs[0], [.. Enumerable.Range(0, 50).Select(position => new ReadoutOrder(50, seed: 2)[position])]);
        Assert.Equal(epochs[1][7], new ReadoutOrder(50, seed: 1)[57]);
    }

    private sealed class UnreadableFrom(long first, IReadoutExamples examples) : IReadoutExamples
    {
        public string Description => examples.Description;

        public HashSet<int> Threads { get; } = [];

        public Sample At(long position)
        {
            Threads.Add(Environment.CurrentManagedThreadId);
            return position < first ? examples.At(position) : throw new EndOfStreamException("the photo's file was cut short");
        }
    }

    private sealed class StopAfter(long steps, CancellationTokenSource stop) : IProgress<ReadoutProgress>
    {
        public void Report(ReadoutProgress at)
        {
            if (at.Step == steps)
                stop.Cancel();
        }
    }
}
