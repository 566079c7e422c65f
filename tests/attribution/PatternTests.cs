using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Relevance;
using Tests.Textbook;
using Xunit;

namespace Tests.Attribution;

/// <summary>Signal patterns: estimated against the covariances written out in double, kept in a file, and used.</summary>
public sealed class PatternTests : IDisposable
{
    /// <summary>Sums in float32 of a few hundred terms, of which a difference is taken.</summary>
    private const double Tolerance = 1e-4;

    private readonly CpuBackend _backend = new();
    private readonly TemporaryFolder _folder = new();

    private static Shape Image => new(1, 6, 5, 3);

    private static float[][] Photos => [.. Enumerable.Range(0, 7).Select(seed => Draws.Of(100 + seed, Image, -1, 1.5).Floats())];

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(SignalEstimator.Linear)]
    [InlineData(SignalEstimator.TwoComponent)]
    public void Patterns_are_the_covariances_of_inputs_and_outputs(SignalEstimator estimator)
    {
        Network network = Tiny();
        foreach (int batch in (int[])[1, 3, 7])
        {
            Patterns patterns = PatternFit.Run(network, Image, Photos, estimator, batch);
            List<(double[] X, double[] Y)> first = Patches();
            Expect(patterns, network, "conv.weight", first, estimator == SignalEstimator.TwoComponent);
            // No ReLU follows the last layer: its estimator is linear, whatever the setting.
            Expect(patterns, network, "fc.weight", Last(first), whereOn: false);
        }
    }

    /// <summary>As where a layer makes so much of an image that a few of them are more than an int counts.</summary>
    [Fact]
    public void Images_that_are_too_many_for_a_tensor_are_taken_in_smaller_batches()
    {
        List<int> halved = [];
        var narrow = new Network("narrow", _backend, [.. Tiny().Layers, new FewAtATime("few", Most: 2)]);
        Patterns patterns = PatternFit.Run(narrow, Image, Photos, batch: 7, halved: halved.Add);
        Assert.Equal([3, 1], halved);
        Patterns expected = PatternFit.Run(Tiny(), Image, Photos, batch: 1);
        Assert.Equal(expected["conv.weight"], patterns["conv.weight"]);

        narrow = new Network("narrow", _backend, [.. Tiny().Layers, new FewAtATime("few", Most: 0)]);
        Assert.Contains("elements", Assert.Throws<TensorSizeException>(() => PatternFit.Run(narrow, Image, Photos)).Message);
    }

    [Fact]
    public void A_pattern_times_its_weights_is_1()
    {
        Network network = Tiny();
        Patterns patterns = PatternFit.Run(network, Image, Photos);
        foreach (Parameter weight in Patterns.WeightsOf(network))
        {
            float[] w = Read(network, weight.Name), a = patterns[weight.Name];
            int inputs = w.Length / weight.Data.Shape.N;
            for (int k = 0; k < weight.Data.Shape.N; k++)
                Assert.Equal(1, Enumerable.Range(k * inputs, inputs).Sum(i => (double)w[i] * a[i]), 1e-4);
        }
    }

    [Fact]
    public void A_neuron_that_is_never_on_has_no_pattern()
    {
        Network network = Tiny(bias: -100);
        Assert.All(PatternFit.Run(network, Image, Photos)["conv.weight"], x => Assert.Equal(0, x));
    }

    [Fact]
    public void Patterns_come_back_from_their_file()
    {
        Network network = Tiny();
        Patterns patterns = PatternFit.Run(network, Image, Photos, SignalEstimator.Linear, weightsSha256: new string('a', 64));
        patterns.Save(_folder["p.safetensors"], network);
        Patterns back = Patterns.Load(_folder["p.safetensors"]);
        Assert.Equal(patterns.Origin, back.Origin);
        foreach (Parameter weight in Patterns.WeightsOf(network))
            Assert.Equal(patterns[weight.Name], back[weight.Name]);
        back.MustFit(network, new string('a', 64));
    }

    [Fact]
    public void Patterns_of_another_network_are_refused_with_the_reason()
    {
        Patterns patterns = PatternFit.Run(Tiny(), Image, Photos, weightsSha256: new string('a', 64));
        string Refused(Network network, string sha = "") => Assert.Throws<PatternsException>(() => patterns.MustFit(network, sha)).Message;
        Assert.Contains("tiny, not other", Refused(new Network("other", _backend, Tiny().Layers)));
        Assert.Contains("conv.weight", Refused(Tiny(channels: 5)));
        Assert.Contains("bbbbbbbb", Refused(Tiny(), new string('b', 64)));
        Assert.Contains("iba patterns fit", Refused(Tiny(channels: 5)));
    }

    [Fact]
    public void Patterns_in_another_layout_are_refused()
    {
        Network network = Tiny();
        PatternFit.Run(network, Image, Photos).Save(_folder["good"], network);
        using SafetensorsFile good = SafetensorsFile.Open(_folder["good"]);
        var facts = new Dictionary<string, string>(good.Metadata);
        facts.Remove(SafetensorsFile.ChecksumKey);
        // The same number of elements.
        SafetensorsFile.Write(_folder["bad"], [.. good.Entries.Select(entry => new SafetensorsTensor(
            entry.Name, entry.Shape is [var k, var r, var s, var c] ? [k * r, s, c] : entry.Shape, good.ReadFloats(entry.Name)))], facts);
        Patterns bad = Patterns.Load(_folder["bad"]);
        Assert.Contains("'conv.weight' is missing or of another shape", Assert.Throws<PatternsException>(() => bad.MustFit(network)).Message);
    }

    [Fact]
    public void A_file_that_holds_no_patterns_says_so()
    {
        SafetensorsFile.Write(_folder["other.safetensors"], [new("x", [1], new float[1])], new Dictionary<string, string>());
        Assert.Contains("no patterns file", Assert.Throws<PatternsException>(() => Patterns.Load(_folder["other.safetensors"])).Message);
        var facts = new Dictionary<string, string> { ["estimator"] = "7" };
        SafetensorsFile.Write(_folder["odd.safetensors"], [new("x", [1], new float[1])], facts);
        Assert.Contains("'7'", Assert.Throws<PatternsException>(() => Patterns.Load(_folder["odd.safetensors"])).Message);
    }

    [Fact]
    public void One_image_is_too_few()
    {
        Assert.Contains("at least 2", Assert.Throws<PatternsException>(() => PatternFit.Run(Tiny(), Image, Photos[..1])).Message);
    }

    private void Expect(Patterns patterns, Network network, string weight, List<(double[] X, double[] Y)> samples, bool whereOn)
    {
        float[] w = Read(network, weight);
        int inputs = samples[0].X.Length;
        var expected = new float[w.Length];
        for (int k = 0; k < samples[0].Y.Length; k++)
        {
            (double[] X, double Y)[] regime = [.. samples.Where(s => !whereOn || s.Y[k] > 0).Select(s => (s.X, s.Y[k]))];
            double mean = samples.Average(s => s.Y[k]);
            double[] covariance = [.. Enumerable.Range(0, inputs)
                .Select(i => regime.Average(s => s.X[i] * s.Y) - regime.Average(s => s.X[i]) * mean)];
            double scale = covariance.Select((c, i) => c * w[k * inputs + i]).Sum();
            for (int i = 0; i < inputs; i++)
                expected[k * inputs + i] = (float)(covariance[i] / scale);
        }
        Close.InMaxNorm(expected, patterns[weight], Tolerance, weight);
    }

    /// <summary>Every patch of the convolution's input, zero-padded, with the convolution's output before the ReLU.</summary>
    private List<(double[] X, double[] Y)> Patches()
    {
        Network network = Tiny();
        float[] w = Read(network, "conv.weight"), bias = Read(network, "conv.bias");
        var samples = new List<(double[], double[])>();
        foreach (float[] photo in Photos)
            for (int y = 0; y < Image.H; y++)
                for (int x = 0; x < Image.W; x++)
                {
                    double[] patch = [.. from r in Enumerable.Range(y - 1, 3) from s in Enumerable.Range(x - 1, 3) from c in Enumerable.Range(0, 3)
                                 select r < 0 || s < 0 || r >= Image.H || s >= Image.W ? 0.0 : photo[(r * Image.W + s) * 3 + c]];
                    samples.Add((patch, [.. bias.Select((b, k) => b + patch.Select((p, i) => p * w[k * patch.Length + i]).Sum())]));
                }
        return samples;
    }

    /// <summary>The mean of the ReLU's output over each image, with the last layer's output.</summary>
    private List<(double[] X, double[] Y)> Last(List<(double[] X, double[] Y)> patches)
    {
        Network network = Tiny();
        float[] w = Read(network, "fc.weight"), bias = Read(network, "fc.bias");
        return [.. patches.Chunk(Image.H * Image.W).Select(image =>
        {
            double[] x = [.. Enumerable.Range(0, image[0].Y.Length).Select(k => image.Average(s => Math.Max(s.Y[k], 0)))];
            return (x, bias.Select((b, k) => b + x.Select((v, i) => v * w[k * x.Length + i]).Sum()).ToArray());
        })];
    }

    private Network Tiny(int channels = 4, double? bias = null)
    {
        Parameter Place(string name, Exact numbers)
        {
            Tensor tensor = _backend.Allocate(numbers.Shape);
            _backend.Upload(numbers.Floats(), tensor);
            return new Parameter(name, tensor);
        }
        Exact biases = Draws.Of(2, new Shape(channels));
        return new Network("tiny", _backend,
        [
            new ConvolutionLayer("conv", new ParameterPair(
                Place("conv.weight", Draws.Of(1, new Shape(channels, 3, 3, 3))),
                Place("conv.bias", biases.Like(i => bias ?? biases[i]))), new ConvGeometry(3, 1, 1)),
            new ReluLayer("relu"),
            new AveragePoolLayer("avgpool", 1),
            new LinearLayer("fc", new ParameterPair(
                Place("fc.weight", Draws.Of(3, new Shape(3, channels))), Place("fc.bias", Draws.Of(4, new Shape(3))))),
        ]);
    }

    private float[] Read(Network network, string name)
    {
        Parameter parameter = network.Parameters.Single(p => p.Name == name);
        return _backend.Read(parameter.Data);
    }

    /// <summary>Takes no more images at a time than that, as a layer with many channels does.</summary>
    private sealed record FewAtATime(string Name, int Most) : Layer(Name)
    {
        public override Value Record(Value x, Recording recording, bool relu = false)
        {
            _ = new Shape(1, int.MaxValue / Math.Max(Most, 1)).WithN(Most == 0 ? 2 : x.Shape.N);
            return x;
        }
    }
}
