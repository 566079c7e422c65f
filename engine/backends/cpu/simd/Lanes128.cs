using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Iba.Engine.Backends.Cpu.Simd;

/// <summary>Four elements: SSE, Arm AdvSIMD, or software where the machine has neither.</summary>
internal readonly unsafe struct Lanes128(Vector128<float> x) : IWideLanes<Lanes128>
{
    private readonly Vector128<float> _x = x;

    private Vector128<int> Words => _x.AsInt32();

    public static int Count => 4;

    public static implicit operator Lanes128(float x) => new(Vector128.Create(x));

    public static Lanes128 operator +(Lanes128 a, Lanes128 b) => new(a._x + b._x);

    public static Lanes128 operator -(Lanes128 a, Lanes128 b) => new(a._x - b._x);

    public static Lanes128 operator *(Lanes128 a, Lanes128 b) => new(a._x * b._x);

    public static Lanes128 operator /(Lanes128 a, Lanes128 b) => new(a._x / b._x);

    public static Lanes128 operator -(Lanes128 x) => new(-x._x);

    public static Lanes128 Fma(Lanes128 a, Lanes128 b, Lanes128 c) => new(Vector128.FusedMultiplyAdd(a._x, b._x, c._x));

    public static Lanes128 MultiplyAdd(Lanes128 a, Lanes128 b, Lanes128 c) => new(Vector128.MultiplyAddEstimate(a._x, b._x, c._x));

    public static float Sum(Lanes128 x)
    {
        Vector64<float> pairs = x._x.GetLower() + x._x.GetUpper();
        return pairs[0] + pairs[1];
    }

    public static Lanes128 Sqrt(Lanes128 x) => new(Vector128.Sqrt(x._x));

    public static Lanes128 Min(Lanes128 a, Lanes128 b) => new(Sse.IsSupported
        ? Sse.Min(a._x, b._x)
        : Vector128.ConditionalSelect(Vector128.LessThan(a._x, b._x), a._x, b._x));

    public static Lanes128 Max(Lanes128 a, Lanes128 b) => new(Sse.IsSupported
        ? Sse.Max(a._x, b._x)
        : Vector128.ConditionalSelect(Vector128.GreaterThan(a._x, b._x), a._x, b._x));

    public static Lanes128 operator >(Lanes128 a, Lanes128 b) => new(Vector128.GreaterThan(a._x, b._x));

    public static Lanes128 operator <(Lanes128 a, Lanes128 b) => new(Vector128.LessThan(a._x, b._x));

    public static Lanes128 Same(Lanes128 a, Lanes128 b) => new(Vector128.Equals(a._x, b._x));

    public static Lanes128 Select(Lanes128 mask, Lanes128 a, Lanes128 b) => new(Vector128.ConditionalSelect(mask._x, a._x, b._x));

    public static bool All(Lanes128 mask) => Vector128.EqualsAll(mask.Words, Vector128<int>.AllBitsSet);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Gated(Lanes128 dy, Lanes128 y) =>
        new(Vector128.ConditionalSelect(Vector128.LessThanOrEqual(y._x, Vector128<float>.Zero), Vector128<float>.Zero, dy._x));

    public static Lanes128 operator &(Lanes128 a, Lanes128 b) => new(a._x & b._x);

    public static Lanes128 operator |(Lanes128 a, Lanes128 b) => new(a._x | b._x);

    public static Lanes128 operator ^(Lanes128 a, Lanes128 b) => new(a._x ^ b._x);

    public static Lanes128 Bits(uint bits) => new(Vector128.Create(bits).AsSingle());

    public static Lanes128 AddBits(Lanes128 a, Lanes128 b) => new((a.Words + b.Words).AsSingle());

    public static Lanes128 SubtractBits(Lanes128 a, Lanes128 b) => new((a.Words - b.Words).AsSingle());

    public static Lanes128 operator <<(Lanes128 x, int by) => new((x.Words << by).AsSingle());

    public static Lanes128 operator >>(Lanes128 x, int by) => new((x.Words >> by).AsSingle());

    public static Lanes128 FromSigned(Lanes128 bits) => new(Vector128.ConvertToSingle(bits.Words));

    public static Lanes128 FromUnsigned(Lanes128 bits) => new(Vector128.ConvertToSingle(bits._x.AsUInt32()));

    public static Lanes128 Load(float* from) => new(Vector128.Load(from));

    public static void Store(Lanes128 x, float* to) => x._x.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Counters(uint first) => new((Vector128.Create((ulong)first) + Vector128.Create(0, 1ul)).AsSingle());

    public static Lanes128 Product(Lanes128 a, Lanes128 b) => new((Sse2.IsSupported
        ? Sse2.Multiply(a._x.AsUInt32(), b._x.AsUInt32())
        : (a._x.AsUInt64() & Vector128.Create(0xFFFFFFFFul)) * (b._x.AsUInt64() & Vector128.Create(0xFFFFFFFFul))).AsSingle());

    public static Lanes128 HighWord(Lanes128 product) => new((product._x.AsUInt64() >>> 32).AsSingle());

    public static Lanes128 Xor(Lanes128 a, Lanes128 b, Lanes128 c) => a ^ b ^ c;

    public static Lanes128 Pair(Lanes128 even, Lanes128 odd) =>
        new(((even._x.AsUInt64() & Vector128.Create(0xFFFFFFFFul)) | (odd._x.AsUInt64() << 32)).AsSingle());

    public static (Lanes128 Low, Lanes128 High) Interleave(Lanes128 a, Lanes128 b) => Sse.IsSupported
        ? (new(Sse.UnpackLow(a._x, b._x)), new(Sse.UnpackHigh(a._x, b._x)))
        : (Pairs(Vector128.WidenLower(a._x.AsUInt32()), Vector128.WidenLower(b._x.AsUInt32())),
            Pairs(Vector128.WidenUpper(a._x.AsUInt32()), Vector128.WidenUpper(b._x.AsUInt32())));

    private static Lanes128 Pairs(Vector128<ulong> even, Vector128<ulong> odd) => new((even | (odd << 32)).AsSingle());
}
