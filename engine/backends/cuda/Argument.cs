using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

/// <summary>One argument of a kernel, by value: an address, a scalar, or a small struct with the kernel's own layout.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct Argument
{
    /// <summary>The size of the largest struct that a kernel takes, in bytes.</summary>
    public const int MaxSize = 40;

    private readonly Bytes _bytes;

    private Argument(Bytes bytes, int size) => (_bytes, Size) = (bytes, size);

    /// <summary>How many of the bytes the kernel reads.</summary>
    public int Size { get; }

    /// <summary>The value's bytes in the kernel's layout.</summary>
    public static Argument Of<T>(T value) where T : struct
    {
        if (Unsafe.SizeOf<T>() > MaxSize || RuntimeHelpers.IsReferenceOrContainsReferences<T>())
            throw new NotSupportedException($"{typeof(T).Name} cannot be a kernel's argument: it must be plain numbers of at most {MaxSize} bytes.");
        Bytes bytes = default;
        Unsafe.WriteUnaligned(ref Unsafe.As<Bytes, byte>(ref bytes), value);
        return new Argument(bytes, Unsafe.SizeOf<T>());
    }

    public static implicit operator Argument(nint address) => Of(address);

    public static implicit operator Argument(int number) => Of(number);

    public static implicit operator Argument(float number) => Of(number);

    /// <summary>A flag is an int: 1 or 0.</summary>
    public static implicit operator Argument(bool flag) => Of(flag ? 1 : 0);

    /// <summary>The address of a tensor's first element.</summary>
    public static implicit operator Argument(Tensor tensor) => Of(Address(tensor));

    /// <summary>The address of a tensor's first element; 0 for null.</summary>
    public static nint Address(Tensor? tensor) =>
        tensor is null ? 0 : ((IDeviceMemory)tensor.Storage).Address + (nint)(tensor.Offset * tensor.Element.Bytes);

    [InlineArray(MaxSize / sizeof(ulong))]
    private struct Bytes
    {
        private ulong _first;
    }
}
