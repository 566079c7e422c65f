namespace Iba.Rendering;

/// <summary>An 8-bit colour.</summary>
public readonly record struct Rgb(byte R, byte G, byte B)
{
    /// <summary>#FFFFFF</summary>
    public static Rgb White => new(255, 255, 255);

    /// <summary>A grey of the given level.</summary>
    public static Rgb Grey(int level) => new((byte)level, (byte)level, (byte)level);

    /// <summary>This colour with another blended over it: share 0 leaves it, share 1 replaces it.</summary>
    public Rgb Under(Rgb over, double share) => new(Mix(R, over.R, share), Mix(G, over.G, share), Mix(B, over.B, share));

    private static byte Mix(byte under, byte over, double share) => (byte)(under + (over - under) * share + 0.5);
}
