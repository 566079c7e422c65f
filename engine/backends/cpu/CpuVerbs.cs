using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu;

/// <summary>The verbs of the <see cref="CpuBackend"/>.</summary>
internal sealed unsafe partial class CpuVerbs : IVerbs
{
    private readonly Workers _workers;

    /// <param name="threads">Number of cores to use; 0 for all.</param>
    public CpuVerbs(int threads) => _workers = new Workers(threads > 0 ? threads : Environment.ProcessorCount);

    /// <summary>No verb runs on an unreachable backend, so memory that its tensors return later is freed at once.</summary>
    ~CpuVerbs() => Memory.Close();

    /// <summary>The memory of its tensors and of its own buffers.</summary>
    public CpuMemory Memory { get; } = new();

    /// <inheritdoc cref="CpuBackend.Watch"/>
    public Action<string>? Watch { get; set; }

    /// <summary>The worker threads, without the caller's.</summary>
    public IReadOnlyList<Thread> Threads => _workers.Threads;

    /// <inheritdoc/>
    public string Name => $"CPU, {_workers.Count} threads";

    /// <inheritdoc/>
    public Tensor Allocate(Shape shape)
    {
        if (!Memory.CanAllocate((long)shape.Count * sizeof(float)))
        {
            // Unreachable tensors may still hold enough memory.
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

    /// <summary>Address of the first element, for reading.</summary>
    private static float* Read(Tensor x) => ((CpuStorage)x.Storage).Pointer + x.Offset;

    /// <summary>Address of the first element, for writing. Packed copies of the storage are out of date from here on.</summary>
    private static float* Write(Tensor x)
    {
        var storage = (CpuStorage)x.Storage;
        storage.Version++;
        return storage.Pointer + x.Offset;
    }

    private static Span<float> Span(Tensor x) => new(Write(x), x.Shape.Count);
}
