using Iba;
using Iba.Bottleneck;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Iba.Statistics;

namespace Tests.Devices;

/// <summary>Results of a full-size network with random weights on one device, for the comparison of two devices.</summary>
/// <param name="Logits">Of two images.</param>
/// <param name="Gradient">Of the cross-entropy, with respect to the images.</param>
/// <param name="Map">Bits per pixel of the first image, by the per-sample bottleneck with the paper's settings.</param>
/// <param name="Bits">Their sum over the layer.</param>
internal sealed record NetworkResults(float[] Logits, float[] Gradient, float[] Map, float Bits)
{
    private const int Images = 2, Seed = 11;

    private static Shape Image => new(1, 224, 224, 3);

    /// <summary>Runs the network.</summary>
    /// <param name="architecture">resnet50 or vgg16.</param>
    /// <param name="backend">Where.</param>
    /// <param name="statistics">Of the features; estimated on this device where none are given.</param>
    public static NetworkResults Of(string architecture, IBackend backend, ref FeatureStatistics? statistics)
    {
        Network network = Architecture.Named(architecture).Build(backend, new RandomParameters(backend, Seed));
        float[][] images = [.. Enumerable.Range(0, 4).Select(seed => Draws.Of(seed, Image, -2, 2).Floats())];
        string layer = network.Architecture!.DefaultLayer;
        statistics ??= Estimation.Run(network, layer, Image, images, batch: Images);
        (float[] logits, float[] gradient) = Differentiate(network, [.. images.Take(Images).SelectMany(image => image)]);

        using var bottleneck = new PerSampleBottleneck(network, statistics, Image);
        BottleneckExplanation explained = bottleneck.Attribute([new Sample(images[0], 0) { Preprocessing = null }]).Cast<BottleneckExplanation>().Single();
        foreach (Parameter parameter in network.Parameters)
            parameter.Data.Storage.Dispose();
        return new NetworkResults(logits, gradient, explained.Heatmap.Values, (float)explained.TotalBits);
    }

    private static (float[] Logits, float[] Gradient) Differentiate(Network network, float[] pixels)
    {
        IBackend backend = network.Backend;
        Tensor images = backend.Tensor(Image.WithN(Images), pixels), targets = backend.Allocate(new Shape(Images));
        using var tape = new Tape(backend);
        Value x = tape.Variable(images, "images"), y = network.Record(x), loss = y.CrossEntropy(tape.Constant(targets, "targets")).Sum();
        tape.Plan(loss, y);
        tape.Forward();
        float[] gradient = backend.Read(tape.Backward(loss)[x]), logits = backend.Read(y.Data);
        images.Storage.Dispose();
        targets.Storage.Dispose();
        return (logits, gradient);
    }
}
