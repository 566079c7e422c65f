using Iba.Engine.Backends;
using Iba.Engine.Tensors;
using Tests.Textbook;

namespace Tests.Engine;

/// <summary>Tensors of a test on a backend, freed together.</summary>
/// <param name="backend">Where they are.</param>
/// <param name="seed">Of the random ones: two backends with the same seed get the same elements in the same order.</param>
public sealed class TestTensors(IBackend backend, int seed = 0) : IDisposable
{
    private readonly Random _random = new(seed);
    private readonly TensorScope _tensors = new(backend);

    public IBackend Backend { get; } = backend;

    /// <summary>A tensor for results: it holds NaN, so that an element that is not written shows.</summary>
    public Tensor Empty(Shape shape)
    {
        Tensor x = Zeros(shape);
        Backend.Fill(x, float.NaN);
        return x;
    }

    public Tensor Zeros(Shape shape) => _tensors.Allocate(shape);

    public Tensor Upload(Exact elements) => Upload(elements.Shape, elements.Floats());

    public Tensor Upload(params float[] elements) => Upload(new Shape(elements.Length), elements);

    public Tensor Upload(Shape shape, float[] elements) => _tensors.Upload(elements, shape);

    public Tensor? UploadIfAny(Exact? elements) => elements is null ? null : Upload(elements);

    /// <summary>Random elements between two bounds.</summary>
    public Tensor Random(Shape shape, float low = -1, float high = 1) =>
        Upload(shape, [.. Enumerable.Range(0, shape.Count).Select(_ => low + (high - low) * _random.NextSingle())]);

    /// <summary>Random integers between two bounds, both included.</summary>
    public Tensor Whole(Shape shape, int low, int high) =>
        Upload(shape, [.. Enumerable.Range(0, shape.Count).Select(_ => (float)_random.Next(low, high + 1))]);

    public float[] Download(Tensor x) => Backend.Read(x);

    public void Dispose() => _tensors.Dispose();
}
