namespace Engine.Backends.Cpu;

/// <summary>The noise of a batch of copies, a block of features at a time: made on the spot, or recorded.</summary>
internal readonly unsafe struct NoiseRows(ulong seed, float* images, uint step, float* recorded, int copies, int row)
{
    /// <summary>Features per block: their noise and everything mixed with it fit the first cache.</summary>
    public const int Features = 1024;

    /// <summary>Room for a block's noise.</summary>
    public const int Scratch = Features + NormalNoise.Overrun;

    /// <summary>Copies per image.</summary>
    public int Copies => copies;

    /// <summary>Numbers per image.</summary>
    public int Row => row;

    /// <summary>Blocks in a batch of so many images, each a tile.</summary>
    public int Tiles(int images) => images * Blocks;

    private int Blocks => (row + Features - 1) / Features;

    /// <summary>Which image and which of its features a tile covers.</summary>
    public (int Image, int First, int Count) Tile(int tile)
    {
        int first = tile % Blocks * Features;
        return (tile / Blocks, first, Math.Min(Features, row - first));
    }

    /// <summary>Where a feature of a copy lies in the batch of all copies.</summary>
    public long Place(int image, int copy, int feature) => ((long)image * copies + copy) * row + feature;

    /// <summary>The noise of a block. <paramref name="scratch"/> has room for <see cref="Scratch"/> numbers.</summary>
    public float* Block(int image, int copy, int first, int count, float* scratch)
    {
        if (recorded is not null)
            return recorded + Place(image, copy, first);
        NormalNoise.Fill(seed, (uint)images[image], (uint)copy, step, first, count, scratch);
        return scratch;
    }
}
