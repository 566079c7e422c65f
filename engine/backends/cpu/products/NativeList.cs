using System.Runtime.InteropServices;

namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>A list outside the garbage collector's heap. <see cref="Clear"/> keeps its memory.</summary>
internal sealed unsafe class NativeList<T> : IDisposable where T : unmanaged
{
    private int _capacity;

    ~NativeList() => NativeMemory.Free(Pointer);

    /// <summary>Address of the first item, valid until the next <see cref="Add"/>.</summary>
    public T* Pointer { get; private set; }

    public int Count { get; private set; }

    public void Add(in T item)
    {
        if (Count == _capacity)
        {
            _capacity = Math.Max(16, 2 * _capacity);
            Pointer = (T*)NativeMemory.Realloc(Pointer, (nuint)_capacity * (nuint)sizeof(T));
        }
        Pointer[Count++] = item;
    }

    public void Clear() => Count = 0;

    public void Dispose()
    {
        NativeMemory.Free(Pointer);
        Pointer = null;
        Count = _capacity = 0;
        GC.SuppressFinalize(this);
    }
}
