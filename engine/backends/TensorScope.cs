using Iba.Engine.Tensors;

namespace Iba.Engine.Backends;

/// <summary>The owner of some tensors: it allocates them and frees all of them together.</summary>
/// <param name="backend">Where they live.</param>
public sealed class TensorScope(IBackend backend) : IDisposable
{
    private readonly IBackend _backend = backend ?? throw new ArgumentNullException(nameof(backend));
    private readonly List<Tensor> _tensors = [];
    private bool _isDisposed;

    /// <summary>A new tensor of zeros.</summary>
    /// <exception cref="ObjectDisposedException">The scope was disposed: nobody would free the tensor.</exception>
    public Tensor Allocate(Shape shape)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        Tensor tensor = _backend.Allocate(shape);
        _tensors.Add(tensor);
        return tensor;
    }

    /// <summary>A new tensor with these elements.</summary>
    /// <exception cref="ArgumentException">The shape has another number of elements.</exception>
    public Tensor Upload(ReadOnlySpan<float> elements, Shape shape)
    {
        Tensor tensor = Allocate(shape);
        _backend.Upload(elements, tensor);
        return tensor;
    }

    /// <summary>Frees every tensor of the scope. A second time does nothing.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        foreach (Tensor tensor in _tensors)
            tensor.Storage.Dispose();
        _tensors.Clear();
    }
}

/// <summary>From a device to an array.</summary>
public static class TensorReading
{
    extension(IBackend backend)
    {
        /// <summary>A tensor's elements, in its own order.</summary>
        public float[] Read(Tensor tensor)
        {
            ArgumentNullException.ThrowIfNull(tensor);
            var elements = new float[tensor.Shape.Count];
            backend.Download(tensor, elements);
            return elements;
        }
    }
}
