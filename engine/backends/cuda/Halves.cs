using System.Runtime.InteropServices;

namespace Iba.Engine.Backends.Cuda;

/// <summary>bfloat16 numbers on the host: the upper halves of float32 numbers.</summary>
internal static class Halves
{
    /// <summary>Numbers at a device address, widened.</summary>
    public static void Download(Staging staging, ulong from, Span<float> to)
    {
        // They arrive in the upper half of the memory that they fill when widened, so that no number is overwritten before it is read.
        Span<ushort> halves = MemoryMarshal.Cast<float, ushort>(to)[to.Length..];
        staging.Download(from, MemoryMarshal.AsBytes(halves));
        for (int i = 0; i < to.Length; i++)
            to[i] = Widened(halves[i]);
    }

    /// <summary>A number as float32.</summary>
    public static float Widened(ushort half) => BitConverter.UInt32BitsToSingle((uint)half << 16);
}
