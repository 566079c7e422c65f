using Iba;
using Iba.Datasets;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Evaluation;
using Iba.Images;
using Xunit;
using Result = Iba.Explanation;

namespace Tests.Evaluation;

/// <summary>Small networks with given weights, and measures of maps that were not made by a method.</summary>
internal sealed class Toys : IDisposable
{
    private readonly CpuBackend _backend = new() { Winograd = false };

    public void Dispose() => _backend.Dispose();

    /// <summary>One linear layer.</summary>
    /// <param name="side">The side of an image.</param>
    /// <param name="weight">A row of H x W x 3 elements for each class.</param>
    /// <param name="bias">A number for each class; 0 if there is none.</param>
    public Classifier Linear(int side, float[] weight, float[]? bias = null) => Network(side, Dense("fc", 3 * side * side, weight, bias));

    /// <summary>The convolutional network of the peers' numbers: it takes images of any even side.</summary>
    public Classifier Convolution(int side, GoldenFile peers)
    {
        float[] bias = peers.Floats("toy.conv.conv.bias"), weight = peers.Floats("toy.conv.linear.weight");
        var pair = new ParameterPair(
            Place("conv.weight", peers.NHWC("toy.conv.conv.weight"), new Shape(bias.Length, 3, 3, 3)), Place("conv.bias", bias, new Shape(bias.Length)));
        return Network(
            side, new ConvolutionLayer("conv", pair, new ConvGeometry(3, 2, 1)), new ReluLayer("relu"), new AveragePoolLayer("avgpool", 4),
            Dense("fc", 16 * bias.Length, ChannelsLast(weight, bias.Length), peers.Floats("toy.conv.linear.bias")));
    }

    public LinearLayer Dense(string name, int inputs, float[] weight, float[]? bias = null)
    {
        int outputs = weight.Length / inputs;
        return new LinearLayer(name, new ParameterPair(
            Place($"{name}.weight", weight, new Shape(outputs, inputs)), Place($"{name}.bias", bias ?? new float[outputs], new Shape(outputs))));
    }

    public Classifier Network(int side, params Layer[] layers) =>
        new(new Network("toy", _backend, layers)) { Preprocessing = new Preprocessing { Resize = side, Crop = side } };

    /// <summary>Rows of C x H x W weights, as PyTorch flattens images, for images of H x W x C.</summary>
    /// <param name="weight">The rows.</param>
    /// <param name="channels">C.</param>
    /// <param name="plane">H x W; 16 for the convolutional toy's pooling.</param>
    public static float[] ChannelsLast(float[] weight, int channels, int plane = 16)
    {
        int row = channels * plane;
        return [.. Enumerable.Range(0, weight.Length).Select(i => weight[i / row * row + i % row % channels * plane + i % row / channels])];
    }

    /// <summary>A map with the network's own logits.</summary>
    public static Result Explanation(Classifier classifier, float[] pixels, float[] map, int target)
    {
        using var inference = new Inference(classifier.Network, classifier.Image);
        int side = classifier.Preprocessing.Size;
        return new Result(new Heatmap(side, side, map, HeatmapUnit.Relative), target, inference.Run(pixels));
    }

    /// <summary>A photo that was not read from a file.</summary>
    public static ExplainedPhoto Photo(float[] pixels, Result explanation) => new(
        new LabelledPhoto(new ImageFile("photo", "photo", null), null!, new Sample(pixels) { Preprocessing = null }, TargetSource.Prediction, null),
        explanation);

    /// <summary>The records of photos.</summary>
    public static Measurement[] Records(IMeasure measure, params ExplainedPhoto[] photos) =>
    [
        .. photos.Zip(measure.Measure(null!, photos, TestContext.Current.CancellationToken), (photo, numbers) =>
            new Measurement("photo", "method", measure.Name, photo.Explanation.Target, TargetSource.Prediction, numbers)),
    ];

    private Parameter Place(string name, float[] values, Shape shape)
    {
        Tensor tensor = _backend.Allocate(shape);
        _backend.Upload(values, tensor);
        return new Parameter(name, tensor);
    }
}
