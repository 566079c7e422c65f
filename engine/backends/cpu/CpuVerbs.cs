using Engine.Tensors;

namespace Engine.Backends.Cpu;

/// <summary>The verbs of the <see cref="CpuBackend"/>.</summary>
internal sealed unsafe partial class CpuVerbs : IVerbs
{
    private readonly Workers _workers;

    /// <param name="threads">Cores to use; 0 for all.</param>
    public CpuVerbs(int threads) => _workers = new Workers(threads > 0 ? threads : Environment.ProcessorCount);

    /// <summary>No call runs on a backend that is unreachable, so what its tensors return later may be freed at once.</summary>
    ~CpuVerbs() => Memory.Close();

    /// <summary>Where its tensors and its own buffers lie.</summary>
    public CpuMemory Memory { get; } = new();

    /// <summary>The threads beside the caller's.</summary>
    public IReadOnlyList<Thread> Threads => _workers.Threads;

    /// <inheritdoc/>
    public string Name => $"CPU, {_workers.Count} threads";

    /// <inheritdoc/>
    public Tensor Allocate(Shape shape)
    {
        if (!Memory.Has((long)shape.Count * sizeof(float)))
        {
            // What forgotten tensors still hold may be enough.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Memory.Free();
        }
        return new Tensor(shape, new CpuStorage(Memory, shape.Count));
    }

    /// <inheritdoc/>
    public void Upload(ReadOnlySpan<float> from, Tensor to) => from.CopyTo(Span(to));

    /// <inheritdoc/>
    public void Download(Tensor from, Span<float> to) => new ReadOnlySpan<float>(Read(from), from.Shape.Count).CopyTo(to);

    /// <inheritdoc/>
    public void Fill(Tensor x, float value) => Span(x).Fill(value);

    /// <inheritdoc/>
    public void Copy(Tensor from, Tensor to) => new ReadOnlySpan<float>(Read(from), from.Shape.Count).CopyTo(Span(to));

    /// <inheritdoc/>
    public bool Owns(IStorage storage) => storage is CpuStorage own && own.Memory == Memory;

    /// <inheritdoc/>
    public void Reclaim() => Memory.Free();

    /// <inheritdoc/>
    public void Dispose()
    {
        _workers.Dispose();
        _workspace?.Dispose();
        _mixedRows?.Dispose();
        _winogradValues?.Dispose();
        _zeroPixel?.Dispose();
        Memory.Close();
        GC.SuppressFinalize(this);
    }

    /// <summary>Where the numbers are, to be read.</summary>
    private static float* Read(Tensor x) => ((CpuStorage)x.Storage).Pointer + x.Offset;

    /// <summary>Where the numbers are, to be changed: a packed copy of them is out of date from here on.</summary>
    private static float* Write(Tensor x)
    {
        var storage = (CpuStorage)x.Storage;
        storage.Version++;
        return storage.Pointer + x.Offset;
    }

    private static Span<float> Span(Tensor x) => new(Write(x), x.Shape.Count);
}
