using System.Runtime.Intrinsics.X86;

namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>The L2 cache of a core, for which products are tiled.</summary>
internal static class L2Cache
{
    /// <summary>Its size; 0 where the processor does not report it, as outside x86.</summary>
    public static int Bytes { get; } = Intel() is > 0 and var bytes ? bytes : Amd();

    private static int Intel() => Find(4);

    private static int Amd() => Find(unchecked((int)0x8000_001D));

    /// <summary>
    /// Searches CPUID's list of caches. Intel and AMD use the same format: sets, ways, partitions and line size, each minus one.
    /// </summary>
    private static int Find(int leaf)
    {
        if (!X86Base.IsSupported || (uint)X86Base.CpuId(leaf & int.MinValue, 0).Eax < (uint)leaf)
            return 0;
        // The list ends at type 0. Stop after 16 entries because some hypervisors repeat them.
        const int None = 0, Instructions = 2, MaxEntries = 16;
        for (int i = 0; i < MaxEntries; i++)
        {
            (int type, int shape, int sets, _) = X86Base.CpuId(leaf, i);
            if ((type & 0x1F) == None)
                return 0;
            if ((type >> 5 & 7) == 2 && (type & 0x1F) != Instructions)
                return ((shape >>> 22) + 1) * ((shape >> 12 & 0x3FF) + 1) * ((shape & 0xFFF) + 1) * (sets + 1);
        }
        return 0;
    }
}
