using System.Runtime.InteropServices;

namespace Fuzz;

/// <summary>
/// Which edges between basic blocks were taken, as instrumented assemblies count them (AFL's map: a byte for each edge, hashed), and how
/// often by its order of magnitude. Without instrumentation nothing is counted.
/// </summary>
public sealed unsafe class Coverage
{
    private const int Size = 1 << 16;

    private static readonly byte* Map = (byte*)NativeMemory.AllocZeroed(Size);

    private readonly byte[] _seen = new byte[Size];

    static Coverage() => SharpFuzz.Common.Trace.SharedMem = Map;

    /// <summary>The edges that were ever taken.</summary>
    public int Edges => _seen.Count(seen => seen != 0);

    /// <summary>Begins a case.</summary>
    public static void Clear()
    {
        new Span<byte>(Map, Size).Clear();
        SharpFuzz.Common.Trace.PrevLocation = 0;
    }

    /// <summary>Ends a case.</summary>
    /// <returns>Whether it did something that no earlier case did.</returns>
    public bool Add()
    {
        bool added = false;
        for (int i = 0; i < Size; i++)
        {
            if (Map[i] == 0)
                continue;
            // 1, 2, 3, 4 to 7, 8 to 15, ...: a bit each.
            byte order = (byte)(1 << (Map[i] < 4 ? Map[i] - 1 : Math.Min(int.Log2(Map[i]) + 1, 7)));
            added |= (_seen[i] & order) == 0;
            _seen[i] |= order;
        }
        return added;
    }
}
