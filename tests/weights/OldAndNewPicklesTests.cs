using Iba.Engine.Files;
using Iba.Weights;
using Xunit;
using static Tests.Weights.Fixture;

namespace Tests.Weights;

/// <summary>Forms of a state dict that the fixtures' PyTorch does not write: of 2017, of Python 2, and of later versions.</summary>
public sealed class OldAndNewPicklesTests : IDisposable
{
    private const string Storage = "(X\a\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\00X\x03\0\0\0cpuK\x04tQ";

    // Offset 1, shape (2), stride (2): elements 1 and 3.
    private const string View = Storage + "K\x01K\x02\u0085K\x02\u0085";
    private const string Tensor = "ctorch._utils\n_rebuild_tensor\n(" + View + "tR";
    private const string NoHooks = "ccollections\nOrderedDict\n)R";

    private static readonly byte[] Numbers = [.. new[] { 1f, 2, 3, 4 }.SelectMany(BitConverter.GetBytes)];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Spellings =>
    [
        Tensor,
        "ctorch._utils\n_rebuild_tensor_v2\n(" + View + "\u0089" + NoHooks + "tR",
        // A tensor made empty, its state set later.
        "ctorch\nFloatTensor\n)R(" + View + "tb",
        "ctorch.cuda\nFloatTensor\n)\u0081(" + View + "tb",
        // A parameter as a variable around its data: (data, creator, hooks, requires grad, volatile).
        "ctorch.nn.parameter\nParameter\n)\u0081(" + Tensor + "NN\u0088\u0089tb",
        // Later the data came first and the flags after it.
        "ctorch.nn.parameter\nParameter\n" + Tensor + "\u0085R(\u0088\u0089Ntb",
        "ctorch._utils\n_rebuild_parameter_with_state\n(" + Tensor + "\u0088" + NoHooks + "}tR",
        // A tensor with attributes of its own.
        "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\nctorch._tensor\nTensor\n("
            + View + "\u0089" + NoHooks + "t}tR",
        // Version 3: an untyped storage counts bytes, and the type comes last.
        "ctorch._utils\n_rebuild_tensor_v3\n((X\a\0\0\0storagectorch.storage\nUntypedStorage\nX\x01\0\0\00X\x03\0\0\0cpuK\x10tQ"
            + "K\x01K\x02\u0085K\x02\u0085\u0089" + NoHooks + "ctorch\nfloat32\n}tR",
        // torch.Size for a shape.
        "ctorch._utils\n_rebuild_tensor\n(" + Storage + "K\u0001ctorch\nSize\nK\x02\u0085\u0085RK\x02\u0085tR",
    ];

    [Theory]
    [MemberData(nameof(Spellings))]
    public void Every_spelling_of_a_tensor_gives_its_numbers(string spelling)
    {
        using StateDict dict = Open(_folder, Pickle("\u0080\x02}", Text("w"), spelling, "s."), ("0", Numbers));
        Assert.Equal([2f, 4f], dict["w"].Read());
    }

    [Fact]
    public void Python_2_passes_pairs_at_once_and_texts_without_encoding()
    {
        string pairs = "ccollections\nOrderedDict\n(](]U\x01wa" + Tensor + "aetR";
        using StateDict dict = Open(_folder, Pickle("\u0080\x02", pairs, "."), ("0", Numbers));
        Assert.Equal([2f, 4f], dict["w"].Read());
    }

    [Fact]
    public void A_storage_that_is_a_view_of_another_starts_where_it_says()
    {
        // The old stream: ("storage", type, key, location, elements, (key of the view, first, elements)).
        string view = "(X\a\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0kX\x03\0\0\0cpuK\x04(X\x01\0\0\0vK\x01K\x03ttQ";
        string tensor = "ctorch._utils\n_rebuild_tensor\n(" + view + "K\x01K\x02\u0085K\x01\u0085tR";
        using StateDict dict = StateDict.Open(_folder.With("old.pth", Stream(tensor)));
        Assert.Equal([3f, 4f], dict["w"].Read());
    }

    [Fact]
    public void A_view_beyond_its_storage_is_refused()
    {
        string view = "(X\a\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0kX\x03\0\0\0cpuK\x04(X\x01\0\0\0vK\x02K\x03ttQ";
        string tensor = "ctorch._utils\n_rebuild_tensor\n(" + view + "K\0K\x02\u0085K\x01\u0085tR";
        Assert.Contains("a view leaves its storage",
            Assert.Throws<FileFormatException>(() => StateDict.Open(_folder.With("old.pth", Stream(tensor)))).Message);
    }

    [Fact]
    public void A_parameter_that_never_got_its_data_is_no_tensor()
    {
        byte[] pickle = Pickle("\u0080\x02}", Text("w"), "ctorch.nn.parameter\nParameter\n)\u0081s.");
        Assert.Contains("holds no tensors, only 'w'", Assert.Throws<FileFormatException>(() => Open(_folder, pickle)).Message);
    }

    [Fact]
    public void A_zip64_archive_is_read()
    {
        byte[] zip = Zip(("hand/data.pkl", Pickle("\u0080\x02}", Text("w"), Tensor, "s.")), ("hand/data/0", Numbers));
        using StateDict dict = StateDict.Open(_folder.With("wide.pth", Widened(zip)));
        Assert.Equal([2f, 4f], dict["w"].Read());
    }

    /// <summary>A file of the old container with one tensor w on storage "k".</summary>
    private static byte[] Stream(string tensor) =>
    [
        .. Pickle("\u0080\x02\u008a\nl\u00fc\u009cF\u00f9 j\u00a8P\x19.", "\u0080\x02M\u00e9\x03.", "\u0080\x02}."),
        .. Pickle("\u0080\x02}", Text("w"), tensor, "s."),
        .. Pickle("\u0080\x02]X\x01\0\0\0ka."),
        .. BitConverter.GetBytes(4L),
        .. Numbers,
    ];

    /// <summary>The same archive with a zip64 end record and locator, and all ones in the fields they replace.</summary>
    private static byte[] Widened(byte[] zip)
    {
        int end = zip.AsSpan().LastIndexOf("PK\x5\x6"u8);
        byte[] record = zip[end..];
        long length = BitConverter.ToUInt32(record, 12), at = BitConverter.ToUInt32(record, 16);
        byte[] wide = [.. "PK\x6\x6"u8, .. BitConverter.GetBytes(44L), .. new byte[28],
            .. BitConverter.GetBytes(length), .. BitConverter.GetBytes(at)];
        byte[] locator = [.. "PK\x6\x7"u8, .. new byte[4], .. BitConverter.GetBytes((long)end), .. BitConverter.GetBytes(1)];
        record.AsSpan(12, 8).Fill(0xff);
        return [.. zip[..end], .. wide, .. locator, .. record];
    }
}
