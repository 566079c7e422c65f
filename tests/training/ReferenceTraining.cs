using Iba.Engine.Backends;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Engine.Training;

namespace Tests.Training;

/// <summary>
/// The network of make_reference.py with its first weights, and the images that it learns from, as PyTorch wrote them.
/// </summary>
internal sealed class ReferenceTraining : IBatches, IDisposable
{
    public const int Steps = 200, Size = 12;

    private const int Batch = 16, Count = 64;

    private readonly GoldenFile _file = new(SafetensorsFile.Open(Path.Combine(Golden.Root, "tests", "training", "fixtures", "curves.safetensors")));
    private readonly IBackend _backend;
    private readonly float[] _images, _targets;

    public ReferenceTraining(IBackend backend)
    {
        _backend = backend;
        _images = _file.NHWC("images");
        _targets = _file.Floats("targets");
        Network = new Network("small", backend,
        [
            Convolution("stem", new ConvGeometry(3, 1, 1)),
            new ReluLayer("relu"),
            new MaxPoolLayer("pool", new ConvGeometry(2, 2)),
            new ResidualBlock(
                "block",
                [
                    Convolution("block.conv1", new ConvGeometry(1)), Convolution("block.conv2", new ConvGeometry(3, 2, 1)),
                    Convolution("block.conv3", new ConvGeometry(1)),
                ],
                Convolution("block.shortcut", new ConvGeometry(1, 2))),
            new AveragePoolLayer("average", 1),
            new LinearLayer("fc", Pair("fc", _file.Floats("fc.weight"), new Shape(_file.Shape("fc.weight")))),
        ]);
    }

    public Network Network { get; }

    public Tensor[] Parameters => [.. Network.Parameters.Select(parameter => parameter.Data)];

    public Shape Images => new(Batch, Size, Size, 3);

    public string Description => $"noise, {Images}";

    /// <summary>All parameters, one after the other.</summary>
    public float[] Weights => [.. Parameters.SelectMany(_backend.Read)];

    /// <summary>PyTorch's losses.</summary>
    public float[] Curve(string optimizer) => _file.Floats($"loss.{optimizer}");

    public void Fill(long step, Span<float> images, Span<float> targets)
    {
        int first = (int)(step * Batch % Count), row = Images.Row;
        _images.AsSpan(first * row, Batch * row).CopyTo(images);
        _targets.AsSpan(first, Batch).CopyTo(targets);
    }

    public void Dispose() => _file.Dispose();

    private ConvolutionLayer Convolution(string name, ConvGeometry geometry)
    {
        int[] shape = _file.Shape($"{name}.weight");
        return new ConvolutionLayer(name, Pair(name, _file.NHWC($"{name}.weight"), new Shape(shape[0], shape[2], shape[3], shape[1])), geometry);
    }

    private ParameterPair Pair(string name, float[] weight, Shape shape) =>
        new(new Parameter($"{name}.weight", _backend.Tensor(shape, weight)),
            new Parameter($"{name}.bias", _backend.Tensor(new Shape(shape.N), _file.Floats($"{name}.bias"))));
}
