using Iba.Engine.Backends;
using Iba.Engine.Tensors;
using Tests.Textbook;

namespace Tests.Engine;

/// <summary>Tensors of a test on a backend, released together.</summary>
public sealed class Numbers(IBackend backend) : IDisposable
{
    private readonly List<Tensor> _tensors = [];

    public IBackend Backend { get; } = backend;

    public Tensor Empty(Shape shape)
    {
        Tensor x = Backend.Allocate(shape);
        _tensors.Add(x);
        return x;
    }

    public Tensor Upload(Exact numbers)
    {
        Tensor x = Empty(numbers.Shape);
        Backend.Upload(numbers.Floats(), x);
        return x;
    }

    public Tensor? UploadIfAny(Exact? numbers) => numbers is null ? null : Upload(numbers);

    public float[] Download(Tensor x)
    {
        var numbers = new float[x.Shape.Count];
        Backend.Download(x, numbers);
        return numbers;
    }

    public void Dispose()
    {
        foreach (Tensor x in _tensors)
            x.Storage.Dispose();
    }
}
