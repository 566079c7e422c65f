using Iba.Engine.Backends;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Engine.Training;

namespace Tests.Training;

/// <summary>
/// The network of make_reference.py with its first weights, and the images that it learns from, as PyTorch wrote them.
/// </summary>
internal sealed class SmallNetwork : IBatches, IDisposable
{
    public const int Steps = 200, Size = 12;

    private const int Batch = 16, Count = 64;

    private readonly SafetensorsFile _file = SafetensorsFile.Open(Path.Combine(Golden.Root, "tests", "training", "fixtures", "curves.safetensors"));
    private readonly IBackend _backend;
    private readonly float[] _images, _targets;

    public SmallNetwork(IBackend backend)
    {
        _backend = backend;
        _images = Turned("images");
        _targets = _file.ReadFloats("targets");
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
            new LinearLayer("fc", Pair("fc", _file.ReadFloats("fc.weight"), new Shape(_file["fc.weight"].Shape))),
        ]);
    }

    public Network Network { get; }

    public Tensor[] Parameters => [.. Network.Parameters.Select(parameter => parameter.Data)];

    public Shape Images => new(Batch, Size, Size, 3);

    public string Description => $"noise, {Images}";

    /// <summary>All parameters, one after the other.</summary>
    public float[] Weights => [.. Parameters.SelectMany(tensor =>
    {
        var values = new float[tensor.Shape.Count];
        _backend.Download(tensor, values);
        return values;
    })];

    /// <summary>PyTorch's losses.</summary>
    public float[] Curve(string optimizer) => _file.ReadFloats($"loss.{optimizer}");

    public void Fill(long step, Span<float> images, Span<float> targets)
    {
        int first = (int)(step * Batch % Count), row = Images.Row;
        _images.AsSpan(first * row, Batch * row).CopyTo(images);
        _targets.AsSpan(first, Batch).CopyTo(targets);
    }

    public void Dispose() => _file.Dispose();

    private ConvolutionLayer Convolution(string name, ConvGeometry geometry)
    {
        int[] shape = _file[$"{name}.weight"].Shape;
        return new ConvolutionLayer(name, Pair(name, Turned($"{name}.weight"), new Shape(shape[0], shape[2], shape[3], shape[1])), geometry);
    }

    private ParameterPair Pair(string name, float[] weight, Shape shape) =>
        new(new Parameter($"{name}.weight", Upload(weight, shape)),
            new Parameter($"{name}.bias", Upload(_file.ReadFloats($"{name}.bias"), new Shape(shape.N))));

    private Tensor Upload(float[] values, Shape shape)
    {
        Tensor tensor = _backend.Allocate(shape);
        _backend.Upload(values, tensor);
        return tensor;
    }

    /// <summary>(N, C, H, W) as (N, H, W, C).</summary>
    private float[] Turned(string name)
    {
        int[] shape = _file[name].Shape;
        float[] from = _file.ReadFloats(name), to = new float[from.Length];
        int plane = shape[2] * shape[3], image = shape[1] * plane;
        for (int i = 0; i < from.Length; i++)
            to[i / image * image + i % plane * shape[1] + i % image / plane] = from[i];
        return to;
    }
}
