using Engine.Tensors;

namespace Engine.Backends.Cpu;

/// <summary>
/// Managed SIMD code on every core: no native library. One caller at a time.
/// </summary>
public sealed unsafe partial class CpuBackend : IBackend
{
    private readonly Workers _workers;

    /// <param name="threads">Cores to use; 0 for all. The result does not depend on it.</param>
    public CpuBackend(int threads = 0) => _workers = new Workers(threads > 0 ? threads : Environment.ProcessorCount);

    /// <inheritdoc/>
    public string Name => $"CPU, {_workers.Count} threads";

    /// <inheritdoc/>
    public Tensor Allocate(Shape shape) => new(shape, new CpuStorage(shape.Count));

    /// <inheritdoc/>
    public void Upload(ReadOnlySpan<float> from, Tensor to) => from.CopyTo(Span(to));

    /// <inheritdoc/>
    public void Download(Tensor from, Span<float> to) => new ReadOnlySpan<float>(Read(from), from.Shape.Count).CopyTo(to);

    /// <inheritdoc/>
    public void Fill(Tensor x, float value) => Span(x).Fill(value);

    /// <inheritdoc/>
    public void Copy(Tensor from, Tensor to) => new ReadOnlySpan<float>(Read(from), from.Shape.Count).CopyTo(Span(to));

    /// <inheritdoc/>
    public void Dispose()
    {
        _workers.Dispose();
        _products?.Dispose();
        _mixedRows.Dispose();
    }

    /// <summary>Where the numbers are, to be read.</summary>
    internal static float* Read(Tensor x) => ((CpuStorage)x.Storage).Pointer + x.Offset;

    /// <summary>Where the numbers are, to be changed: a packed copy of them is out of date from here on.</summary>
    private static float* Write(Tensor x)
    {
        var storage = (CpuStorage)x.Storage;
        storage.Version++;
        return storage.Pointer + x.Offset;
    }

    private static Span<float> Span(Tensor x) => new(Write(x), x.Shape.Count);
}
