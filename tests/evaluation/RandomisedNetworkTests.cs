using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Engine.Training;
using Iba.Evaluation;
using Xunit;

namespace Tests.Evaluation;

/// <summary>The cascade of random layers: which layers are random, and from which distribution.</summary>
public sealed class RandomisedNetworkTests : IDisposable
{
    private static readonly Shape Image = new(1, 32, 32, 3);

    private readonly CpuBackend _backend = new();

    public static TheoryData<string> Architectures => [.. Architecture.All.Select(each => each.Name)];

    public void Dispose() => _backend.Dispose();

    [Theory]
    [InlineData("vgg16", "classifier.6", "classifier.3", "classifier.0", "features.28", "features.26", "features.24", "features.21", "features.19",
        "features.17", "features.14", "features.12", "features.10", "features.7", "features.5", "features.2", "features.0")]
    [InlineData("resnet50", "fc", "layer4.2", "layer4.1", "layer4.0", "layer3.5", "layer3.4", "layer3.3", "layer3.2", "layer3.1", "layer3.0", "layer2.3",
        "layer2.2", "layer2.1", "layer2.0", "layer1.2", "layer1.1", "layer1.0", "bn1")]
    [InlineData("resnet18", "fc", "layer4.1", "layer4.0", "layer3.1", "layer3.0", "layer2.1", "layer2.0", "layer1.1", "layer1.0", "bn1")]
    public void The_cascade_runs_from_the_output_to_the_input(string name, params string[] points) =>
        Assert.Equal(points, RandomisedNetwork.Points(Narrow(name, 64)));

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Only_the_layers_from_the_output_to_the_point_are_random_and_the_others_are_the_trained_tensors(string name)
    {
        Network trained = Narrow(name, 64);
        using var random = new RandomisedNetwork(trained, seed: 1);
        foreach (string point in RandomisedNetwork.Points(trained))
        {
            Network network = random.From(point);
            Assert.Equal((trained.Name, trained.Architecture), (network.Name, network.Architecture));
            Assert.Equal(trained.Layers.Select(layer => layer.Name), network.Layers.Select(layer => layer.Name));
            bool reached = false;
            foreach ((Layer before, Layer after) in trained.Layers.Zip(network.Layers))
            {
                reached |= before.Name == point;
                foreach ((Parameter old, Parameter its) in before.Parameters.Zip(after.Parameters))
                {
                    Assert.Equal((old.Name, old.Data.Shape), (its.Name, its.Data.Shape));
                    Assert.Equal(!reached, ReferenceEquals(old.Data.Storage, its.Data.Storage));
                }
            }
            Assert.True(reached);
        }
    }

    /// <summary>
    /// Bounds of five standard deviations: √(1/n) of σ for the mean of n values, √((κ - 1)/n) of σ² for their variance, where the kurtosis κ is 3
    /// if they are normal and 1.8 if uniform, and √(24/n) for a normal κ, √(144/175/n) for a uniform one, doubled for its skewness. The draws are
    /// fixed.
    /// </summary>
    [Theory]
    [InlineData("resnet50")]
    [InlineData("resnet18")]
    [InlineData("vgg16")]
    [InlineData("vgg11_bn")]
    public void Weights_have_torchvisions_distributions(string name)
    {
        Network trained = Narrow(name, 4);
        using var random = new RandomisedNetwork(trained, seed: 3);
        Network network = random.From(RandomisedNetwork.Points(trained)[^1]);
        foreach (Parameter parameter in network.Parameters)
        {
            float[] values = _backend.Read(parameter.Data);
            bool bias = parameter.Name.EndsWith(".bias", StringComparison.Ordinal), fc = parameter.Name.StartsWith("fc.", StringComparison.Ordinal);
            if (bias && !fc)
            {
                Assert.All(values, value => Assert.Equal(0, value));
                continue;
            }
            Shape shape = parameter.Data.Shape;
            double largest = 1 / Math.Sqrt(network.Parameters.Single(each => each.Name == parameter.Name.Replace("bias", "weight")).Data.Shape.Row);
            double variance = fc ? largest * largest / 3
                : parameter.Name.StartsWith("classifier.", StringComparison.Ordinal) ? 0.01 * 0.01
                : 2.0 / (shape.N * shape.H * shape.W) / (name == "vgg16" ? 1 : 1 + 1e-5);
            if (fc)
                Assert.All(values, value => Assert.InRange(value, -largest, largest));
            double n = values.Length, kurtosis = fc ? 1.8 : 3;
            double Moment(int power) => values.Average(value => Math.Pow(value / Math.Sqrt(variance), power));
            Assert.InRange(Moment(1), -5 / Math.Sqrt(n), 5 / Math.Sqrt(n));
            Assert.Equal(1, Moment(2), 5 * Math.Sqrt((kurtosis - 1) / n));
            if (n > 5000)
                Assert.Equal(kurtosis, Moment(4) / (Moment(2) * Moment(2)), 10 * Math.Sqrt((fc ? 144 / 175.0 : 24) / n));
        }
    }

    /// <summary>A batch norm before training divides by √(1 + 1e-5): the same draw with and without it.</summary>
    [Fact]
    public void A_folded_batch_norm_is_one_before_training()
    {
        Network plain = Narrow("vgg11", 16), normed = Narrow("vgg11_bn", 16);
        using RandomisedNetwork random = new(plain, seed: 3), randomNormed = new(normed, seed: 3);
        Parameter first = random.From("features.0").Parameters.First(), folded = randomNormed.From("features.1").Parameters.First();
        Assert.Equal("features.0.weight", first.Name);
        Assert.Equal("features.0.weight", folded.Name);
        double[] ratios = [.. _backend.Read(first.Data).Zip(_backend.Read(folded.Data), (a, b) => (double)a / b)];
        // Each of the two is rounded to 2^-24 of itself.
        Assert.All(ratios, ratio => Assert.Equal(Math.Sqrt(1 + 1e-5), ratio, 3e-7));
    }

    [Fact]
    public void A_value_depends_on_the_seed_the_name_and_the_index_alone()
    {
        Network trained = Narrow("resnet18", 16);
        using RandomisedNetwork cascade = new(trained, seed: 5), alone = new(trained, seed: 5), other = new(trained, seed: 6);
        string[] points = [.. RandomisedNetwork.Points(trained)];
        Network[] networks = [.. points.Select(cascade.From)];
        // Made in one step, not in the cascade's order.
        Network last = alone.From(points[^1]);
        foreach (Network network in networks)
        {
            foreach ((Parameter its, Parameter expected) in network.Parameters.Zip(last.Parameters))
            {
                if (!trained.Parameters.Any(parameter => ReferenceEquals(parameter.Data, its.Data)))
                    Assert.Equal(_backend.Read(expected.Data), _backend.Read(its.Data));
            }
        }
        float[] Weight(Network network, string name) => _backend.Read(network.Parameters.Single(parameter => parameter.Name == name).Data);
        Assert.NotEqual(Weight(last, "fc.weight"), Weight(other.From("fc"), "fc.weight"));
        // The second block's convolutions have one shape.
        Assert.NotEqual(Weight(last, "layer1.1.conv1.weight"), Weight(last, "layer1.1.conv2.weight"));
        Assert.NotEqual(Logits(last), Logits(networks[0]));
    }

    [Fact]
    public void Random_weights_are_freed_and_trained_ones_stay()
    {
        Network trained = Narrow("resnet18", 16);
        float[] before = Logits(trained);
        long used = Used();
        Network random;
        using (var randomised = new RandomisedNetwork(trained))
        {
            random = randomised.From("layer3.1");
            Assert.NotEqual(before, Logits(random));
            Assert.True(Used() > used);
        }
        Assert.Equal(used, Used());
        Assert.Equal(before, Logits(trained));
        Assert.ThrowsAny<ObjectDisposedException>(() => _backend.Read(random.Parameters.Last().Data));

        long Used()
        {
            // Returned blocks are freed when no verb runs, as now.
            _backend.Memory.Free();
            return _backend.Memory.UsedBytes;
        }
    }

    [Fact]
    public void What_has_no_architecture_or_no_such_layer_is_refused()
    {
        Network trained = Narrow("resnet18", 64);
        using var random = new RandomisedNetwork(trained);
        Assert.Contains("has no layer 'layer9'", Assert.Throws<ArgumentException>(() => random.From("layer9")).Message);
        var bare = new Network("mine", _backend, trained.Layers);
        Assert.Contains("the architecture of mine is not known", Assert.Throws<ArgumentException>(() => new RandomisedNetwork(bare)).Message);
    }

    private Network Narrow(string name, int divisor) =>
        Architecture.Named(name).Build(_backend, new FreshParameters(_backend, new NetworkWidth(divisor, 256 / divisor, 10), seed: 1));

    private float[] Logits(Network network)
    {
        using var inference = new Inference(network, Image);
        var random = new Random(2);
        return inference.Run([.. Enumerable.Range(0, Image.Count).Select(_ => random.NextSingle())]);
    }
}
