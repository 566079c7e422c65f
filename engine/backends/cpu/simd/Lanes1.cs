namespace Iba.Engine.Backends.Cpu.Simd;

/// <summary>One element: for the rest at the end of a row.</summary>
internal readonly unsafe struct Lanes1(float x) : ILanes<Lanes1>
{
    private readonly float _x = x;

    private uint Word => BitConverter.SingleToUInt32Bits(_x);

    public static int Count => 1;

    public static implicit operator Lanes1(float x) => new(x);

    public static Lanes1 operator +(Lanes1 a, Lanes1 b) => new(a._x + b._x);

    public static Lanes1 operator -(Lanes1 a, Lanes1 b) => new(a._x - b._x);

    public static Lanes1 operator *(Lanes1 a, Lanes1 b) => new(a._x * b._x);

    public static Lanes1 operator /(Lanes1 a, Lanes1 b) => new(a._x / b._x);

    public static Lanes1 operator -(Lanes1 x) => new(-x._x);

    public static Lanes1 Fma(Lanes1 a, Lanes1 b, Lanes1 c) => new(MathF.FusedMultiplyAdd(a._x, b._x, c._x));

    public static Lanes1 MultiplyAdd(Lanes1 a, Lanes1 b, Lanes1 c) => new(float.MultiplyAddEstimate(a._x, b._x, c._x));

    public static float Sum(Lanes1 x) => x._x;

    public static Lanes1 Sqrt(Lanes1 x) => new(MathF.Sqrt(x._x));

    public static Lanes1 Min(Lanes1 a, Lanes1 b) => new(a._x < b._x ? a._x : b._x);

    public static Lanes1 Max(Lanes1 a, Lanes1 b) => new(a._x > b._x ? a._x : b._x);

    public static Lanes1 operator >(Lanes1 a, Lanes1 b) => Bits(a._x > b._x ? uint.MaxValue : 0);

    public static Lanes1 operator <(Lanes1 a, Lanes1 b) => Bits(a._x < b._x ? uint.MaxValue : 0);

    public static Lanes1 Same(Lanes1 a, Lanes1 b) => Bits(a._x == b._x ? uint.MaxValue : 0);

    public static Lanes1 Select(Lanes1 mask, Lanes1 a, Lanes1 b) => mask.Word != 0 ? a : b;

    public static bool All(Lanes1 mask) => mask.Word != 0;

    public static Lanes1 Gated(Lanes1 dy, Lanes1 y) => new(y._x <= 0f ? 0f : dy._x);

    public static Lanes1 operator &(Lanes1 a, Lanes1 b) => Bits(a.Word & b.Word);

    public static Lanes1 operator |(Lanes1 a, Lanes1 b) => Bits(a.Word | b.Word);

    public static Lanes1 operator ^(Lanes1 a, Lanes1 b) => Bits(a.Word ^ b.Word);

    public static Lanes1 Bits(uint bits) => new(BitConverter.UInt32BitsToSingle(bits));

    public static Lanes1 AddBits(Lanes1 a, Lanes1 b) => Bits(a.Word + b.Word);

    public static Lanes1 SubtractBits(Lanes1 a, Lanes1 b) => Bits(a.Word - b.Word);

    public static Lanes1 operator <<(Lanes1 x, int by) => Bits(x.Word << by);

    public static Lanes1 operator >>(Lanes1 x, int by) => Bits((uint)((int)x.Word >> by));

    public static Lanes1 FromSigned(Lanes1 bits) => new((int)bits.Word);

    public static Lanes1 FromUnsigned(Lanes1 bits) => new(bits.Word);

    public static Lanes1 Load(float* from) => new(*from);

    public static void Store(Lanes1 x, float* to) => *to = x._x;
}
