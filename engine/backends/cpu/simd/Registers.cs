using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Iba.Engine.Backends.Cpu.Simd;

/// <summary>
/// The SIMD registers of this machine, and the one place that chooses their width. The JIT compiler turns the properties into constants, so
/// the choice costs nothing at run time.
/// </summary>
internal static class Registers
{
    /// <summary>
    /// Bits of the widest register: 512, 256 or 128; 0 where .NET has no SIMD and <see cref="Lanes128"/> runs in software.
    /// The test is for AVX-512 itself: Vector512.IsHardwareAccelerated is false on some processors where AVX-512 is faster.
    /// AVX2 includes FMA: .NET enables both or neither.
    /// </summary>
    public static int Bits => Avx512F.IsSupported ? 512 : Avx2.IsSupported ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0;

    /// <summary>Number of registers of that width: 32 with AVX-512 and on Arm, else 16.</summary>
    public static int Count => Avx512F.IsSupported || AdvSimd.IsSupported ? 32 : 16;

    /// <summary>Runs the code with the widest registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<T>(T code) where T : struct, IVectorCode
    {
        if (Bits == 512)
            code.Run<Lanes512>();
        else if (Bits == 256)
            code.Run<Lanes256>();
        else
            code.Run<Lanes128>();
    }
}
