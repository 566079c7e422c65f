namespace Iba.Engine.Backends.Cpu;

/// <summary>The noise of a batch of copies, one block of features at a time: generated on demand, or recorded.</summary>
internal readonly unsafe struct NoiseRows(ulong seed, float* images, uint step, float* recorded, int copies, int row)
{
    /// <summary>Features per block: their noise and everything that is mixed with it fit the L1 cache.</summary>
    public const int Features = 1024;

    /// <summary>Elements of scratch memory that <see cref="Block"/> needs.</summary>
    public const int Scratch = Features + NormalNoise.Overrun;

    /// <summary>Copies per image.</summary>
    public int Copies => copies;

    /// <summary>Elements per image.</summary>
    public int Row => row;

    /// <summary>Number of blocks in a batch of that many images; each block is a tile.</summary>
    public int Tiles(int images) => images * Blocks;

    private int Blocks => (row + Features - 1) / Features;

    /// <summary>The image and the features that a tile covers.</summary>
    public (int Image, int First, int Count) Tile(int tile)
    {
        int first = tile % Blocks * Features;
        return (tile / Blocks, first, Math.Min(Features, row - first));
    }

    /// <summary>Offset of a feature of a copy in the batch of all copies.</summary>
    public long Offset(int image, int copy, int feature) => ((long)image * copies + copy) * row + feature;

    /// <summary>The noise of a block. <paramref name="scratch"/> has room for <see cref="Scratch"/> elements.</summary>
    public float* Block(int image, int copy, int first, int count, float* scratch)
    {
        if (recorded is not null)
            return recorded + Offset(image, copy, first);
        NormalNoise.Fill(seed, (uint)images[image], (uint)copy, step, first, count, scratch);
        return scratch;
    }
}
