using Iba.Engine.Backends;
using Iba.Engine.Tensors;
using Tests.Textbook;

namespace Tests.Engine;

/// <summary>Tensors of a test on a backend, released together.</summary>
/// <param name="backend">Where they are.</param>
/// <param name="seed">Of the random ones: two backends with the same seed get the same numbers in the same order.</param>
public sealed class Numbers(IBackend backend, int seed = 0) : IDisposable
{
    private readonly Random _random = new(seed);
    private readonly List<Tensor> _tensors = [];

    public IBackend Backend { get; } = backend;

    /// <summary>A tensor that a verb must write: it holds NaN, so that an element which is left out shows.</summary>
    public Tensor Empty(Shape shape)
    {
        Tensor x = Zeros(shape);
        Backend.Fill(x, float.NaN);
        return x;
    }

    public Tensor Zeros(Shape shape)
    {
        Tensor x = Backend.Allocate(shape);
        _tensors.Add(x);
        return x;
    }

    public Tensor Upload(Exact numbers) => Upload(numbers.Shape, numbers.Floats());

    public Tensor Upload(params float[] numbers) => Upload(new Shape(numbers.Length), numbers);

    public Tensor Upload(Shape shape, float[] numbers)
    {
        Tensor x = Zeros(shape);
        Backend.Upload(numbers, x);
        return x;
    }

    public Tensor? UploadIfAny(Exact? numbers) => numbers is null ? null : Upload(numbers);

    /// <summary>Random numbers between two bounds.</summary>
    public Tensor Random(Shape shape, float low = -1, float high = 1) =>
        Upload(shape, [.. Enumerable.Range(0, shape.Count).Select(_ => low + (high - low) * _random.NextSingle())]);

    /// <summary>Random whole numbers between two bounds, both included.</summary>
    public Tensor Whole(Shape shape, int low, int high) =>
        Upload(shape, [.. Enumerable.Range(0, shape.Count).Select(_ => (float)_random.Next(low, high + 1))]);

    public float[] Download(Tensor x) => Backend.Read(x);

    public void Dispose()
    {
        foreach (Tensor x in _tensors)
            x.Storage.Dispose();
    }
}
