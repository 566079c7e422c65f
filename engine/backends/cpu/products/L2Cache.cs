using System.Runtime.Intrinsics.X86;

namespace Engine.Backends.Cpu.Products;

/// <summary>A core's second cache, for which products are cut.</summary>
internal static class L2Cache
{
    /// <summary>Its size; 0 where the processor does not tell, as outside x86.</summary>
    public static int Bytes { get; } = Intel() is > 0 and var bytes ? bytes : Amd();

    private static int Intel() => Find(4);

    private static int Amd() => Find(unchecked((int)0x8000_001D));

    /// <summary>Looks through CPUID's list of caches, in the form that both makers give it: sets, ways, partitions and bytes of a line, each less one.</summary>
    private static int Find(int leaf)
    {
        if (!X86Base.IsSupported || (uint)X86Base.CpuId(leaf & int.MinValue, 0).Eax < (uint)leaf)
            return 0;
        // The list ends with a cache of no kind; hypervisors that repeat themselves are not followed for ever.
        const int None = 0, Instructions = 2, Most = 16;
        for (int i = 0; i < Most; i++)
        {
            (int kind, int shape, int sets, _) = X86Base.CpuId(leaf, i);
            if ((kind & 0x1F) == None)
                return 0;
            if ((kind >> 5 & 7) == 2 && (kind & 0x1F) != Instructions)
                return ((shape >>> 22) + 1) * ((shape >> 12 & 0x3FF) + 1) * ((shape & 0xFFF) + 1) * (sets + 1);
        }
        return 0;
    }
}
