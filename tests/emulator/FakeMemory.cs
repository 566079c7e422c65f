using System.Runtime.InteropServices;

namespace Tests.Emulator;

/// <summary>
/// One allocation of a <see cref="FakeDriver"/>, between guards. Guards and fresh contents are NaN as float32, double and bfloat16: a kernel that
/// reads past the end computes NaN, and so does one that relies on an element that was never written.
/// </summary>
internal sealed unsafe class FakeMemory
{
    /// <summary>The driver's alignment, and at least the guard before it.</summary>
    private const nuint Alignment = 512;

    private const nuint GuardBytes = 256;

    private static int _count;

    private readonly byte* _start;
    private readonly nuint _before;
    private readonly ushort _mark;
    private byte[]? _remembered;

    /// <param name="bytes">The size.</param>
    /// <param name="offset">Bytes from an aligned address to the first byte, a multiple of 2.</param>
    /// <param name="isTouched">Whether it is filled. If not, it has no guards and costs no physical memory.</param>
    public FakeMemory(nuint bytes, int offset, bool isTouched)
    {
        (Bytes, _before) = (bytes, isTouched ? Alignment + (nuint)offset : 0);
        // Neighbours differ, so that a guard which is copied into another guard shows. All 15 marks are NaN in all three formats.
        _mark = (ushort)(0x7ff1 + (uint)Interlocked.Increment(ref _count) % 15);
        nuint all = _before + bytes + GuardBytes;
        _start = (byte*)NativeMemory.AlignedAlloc(all, Alignment);
        if (isTouched)
            new Span<ushort>(_start, (int)(all / sizeof(ushort))).Fill(_mark);
    }

    public nuint Bytes { get; }

    public ulong Address => (ulong)_start + _before;

    private Span<byte> Contents => new(_start + _before, (int)Bytes);

    public bool Holds(ulong address) => address - Address < Bytes;

    /// <summary>Where something was written outside of it; null if nowhere.</summary>
    public string? Damage()
    {
        ReadOnlySpan<ushort> before = new(_start, (int)_before / sizeof(ushort));
        ReadOnlySpan<ushort> after = new(_start + _before + Bytes, (int)GuardBytes / sizeof(ushort));
        if (before.IndexOfAnyExcept(_mark) >= 0)
            return $"before the first of {Bytes} bytes";
        return after.IndexOfAnyExcept(_mark) >= 0 ? $"past the last of {Bytes} bytes" : null;
    }

    /// <summary>Keeps a copy of its contents for <see cref="HasChanged"/>.</summary>
    public void Remember() => Contents.CopyTo(_remembered ??= new byte[Bytes]);

    /// <summary>Whether its contents differ from the copy.</summary>
    public bool HasChanged() => !Contents.SequenceEqual(_remembered);

    public void Free() => NativeMemory.AlignedFree(_start);
}
