using System.IO.Compression;
using System.Text;
using CsCheck;
using Iba.Engine.Files;
using Iba.Weights;
using Iba.Weights.Pickle;
using Iba.Weights.Torch;
using Xunit;
using static Tests.Weights.Fixture;

namespace Tests.Weights;

/// <summary>Malicious files: whatever they contain, opening and reading them ends soon, with values or a typed error.</summary>
public sealed class HostileWeightsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("cos\nsystem\n(X\x02\0\0\0lstR", "os.system")]
    [InlineData("cbuiltins\neval\n", "builtins.eval")]
    [InlineData("c__builtin__\ngetattr\n", "__builtin__.getattr")]
    [InlineData("ctorch\nload\n", "torch.load")]
    [InlineData("ctorch._utils\n_rebuild_qtensor\n", "torch._utils._rebuild_qtensor")]
    [InlineData("\x8c\x05posix\x8c\x06system\x93", "posix.system")]
    [InlineData("ccollections\nOrderedDict.__init__.__globals__\n", "collections.OrderedDict.__init__.__globals__")]
    [InlineData("cos\nsy\x1b[2Jstem\n", "os.sy\x1b[2Jstem")]
    public void A_name_that_means_nothing_here_is_an_object_that_is_not_run(string pickle, string name)
    {
        string message = Assert.Throws<FileFormatException>(() => Open(_folder, Pickle(pickle, "."))).Message;
        Assert.Contains($"holds a {ForeignText.Harmless(name)}, not a dictionary", message);

        byte[] beside = Pickle("}", Text("w"), Tensor("0", 3, Integer(0), Integer(3), Integer(1)), "s", Text("other"), pickle, "s.");
        using StateDict dict = Open(_folder, beside, ("0", new byte[12]));
        Assert.Equal(["w"], dict.Entries.Select(entry => entry.Name));
        Assert.Equal(name, Assert.Single(dict.Unknown));
        Assert.Equal($"other ({name})", Assert.Single(dict.LeftOut));
    }

    [Theory]
    [InlineData("ios\nsystem\n(.", "0x69")]
    [InlineData("(os\nsystem\n.", "0x6f")]
    [InlineData("P0\n.", "0x50")]
    [InlineData("\x82\x01.", "0x82")]
    [InlineData("\x80\x06N.", "protocol 6")]
    [InlineData("\x97.", "0x97")]
    [InlineData("X\x02\0\0\0hi)R.", "type str, which is no function")]
    [InlineData("}X\x01\0\0\0kX\x01\0\0\0vb.", "the state of a str")]
    [InlineData("ccollections\nOrderedDict\n(K\x01K\x02tR.", "arguments it does not take")]
    [InlineData("X\xff\xff\xff\x7fno.", "passes the end")]
    [InlineData("\x8d\xff\xff\xff\xff\xff\xff\xff\xffno.", "passes the end")]
    [InlineData("B\xff\xff\xff\xffno.", "passes the end")]
    [InlineData("\x95\xff\xff\xff\xff\xff\xff\xff\x7f.", "passes the end")]
    [InlineData("\x8b\xff\xff\xff\x7f", "wider than any")]
    [InlineData("\x8b\xff\xff\xff\xff", "wider than any")]
    [InlineData("X\x02\0\0\0\xc3\x28.", "not UTF-8")]
    [InlineData("Nr\xff\xff\xff\xff.", "more memory or time")]
    [InlineData("h\x07.", "never stored")]
    [InlineData("Nq\x07h\x03.", "never stored")]
    [InlineData("0.", "there is none")]
    [InlineData("t.", "needs a mark")]
    [InlineData("N(0.", "there is none")]
    [InlineData("}(K\x01u.", "key without a value")]
    [InlineData("Na.", "needs a value")]
    [InlineData("NNa.", "no list")]
    [InlineData("I12x\n.", "decimal integer")]
    [InlineData("X\x07\0\0\0storageQ.", "persistent id")]
    public void A_pickle_that_asks_for_more_than_data_is_refused_by_name(string pickle, string says)
    {
        var error = Assert.Throws<FileFormatException>(() => Open(_folder, Pickle(pickle)));
        Assert.Contains(says, error.Message);
        Assert.Contains("at byte", error.Message);
    }

    [Fact]
    public void Every_instruction_is_run_or_refused_with_a_typed_error()
    {
        for (int opcode = 0; opcode < 256; opcode++)
        {
            foreach (string operands in (string[])["", "\0\0\0\0\0\0\0\0", "a\nb\n", "\xff\xff\xff\xff\xff\xff\xff\xff"])
                Assert.ThrowsAny<FileFormatException>(() => Open(_folder, Pickle("}(](", $"{(char)opcode}{operands}")));
        }
    }

    [Theory]
    [InlineData("(")]
    [InlineData("]")]
    [InlineData("]q\0h\0a")]
    [InlineData("}2")]
    [InlineData(")\x85")]
    [InlineData("\x8f(N\x91")]
    public void Depth_and_bulk_end_in_a_typed_error_without_a_stack_overflow(string repeated)
    {
        string bulk = string.Concat(Enumerable.Repeat(repeated, 3_000_000 / repeated.Length));
        Assert.Throws<FileFormatException>(() => Open(_folder, Pickle(bulk, ".")));
    }

    [Fact]
    public void Deep_nesting_by_appends_is_plain_data_and_not_a_state_dict()
    {
        byte[] pickle = [.. Enumerable.Repeat((byte)']', 30_000), .. Enumerable.Repeat((byte)'a', 29_999), (byte)'.'];
        Assert.Contains("holds a list", Assert.Throws<FileFormatException>(() => Open(_folder, pickle)).Message);
    }

    [Fact]
    public void Tensors_below_very_many_nested_objects_are_found()
    {
        // x(x(x(... {"w": tensor}))): the objects have no keys, so the place is named in one step.
        const int Depth = 200_000;
        byte[] pickle = Pickle("}", Text("a"), "cx\ny\nq\0", string.Concat(Enumerable.Repeat("h\0", Depth - 1)), "}", Text("w"),
            Tensor("0", 3, Integer(0), Integer(3), Integer(1)), "s", new string('R', Depth), "s.");
        using StateDict dict = Open(_folder, pickle, ("0", new byte[12]), ("allowance", new byte[4 << 20]));
        Assert.Equal(["checkpoint[\"a\"]"], dict.Unwrapped);
        Assert.Equal(["w"], dict.Entries.Select(entry => entry.Name));
    }

    [Fact]
    public void Of_very_many_wrappers_before_a_name_only_the_first_are_removed()
    {
        // To remove one after the other from a name of megabytes would take quadratic time.
        const int Wrappers = 5_000;
        string name = string.Concat(Enumerable.Repeat("module.", Wrappers)) + "w", length = Encoding.Latin1.GetString(BitConverter.GetBytes(name.Length));
        using StateDict dict = Open(_folder, Pickle("}X", length, name, Tensor("0", 3, Integer(0), Integer(3), Integer(1)), "s."), ("0", new byte[12]));
        Assert.Equal(name[(16 * "module.".Length)..], Assert.Single(dict.Entries).Name);
    }

    [Fact]
    public void Copying_a_large_value_again_and_again_is_paid_for()
    {
        // A list of 100 000 items, made into a set over and over: 10^10 steps if nothing counted them.
        string list = "](" + string.Concat(Enumerable.Repeat("K\x01", 100_000)) + "eq\0";
        string copies = string.Concat(Enumerable.Repeat("0c__builtin__\nset\nh\0\x85R", 50_000));
        Assert.Contains("more memory or time", Assert.Throws<FileFormatException>(() => Open(_folder, Pickle(list, copies, "."))).Message);
    }

    [Fact]
    public void Colliding_keys_do_not_slow_a_dictionary_down()
    {
        // Without a secret in the hash, n << 32 | n is one bucket for all n.
        var pickle = new StringBuilder("}(");
        for (int n = 1; n <= 200_000; n++)
            pickle.Append("\x8a\x08").Append(Encoding.Latin1.GetString(BitConverter.GetBytes(((long)n << 32) | (uint)n))).Append('N');
        byte[] bytes = Pickle(pickle.ToString(), "u.");
        var budget = new FileBudget(bytes.Length);
        object? read = new PickleReader(new MemoryStream(bytes), new TorchVocabulary(budget), budget).Load();
        Assert.Equal(200_000, Assert.IsType<PickleDictionary>(read).Count);
    }

    [Theory]
    [InlineData(0, 4, 1, "a storage of 3")]
    [InlineData(3, 1, 1, "a storage of 3")]
    [InlineData(-1, 1, 1, "a storage of 3")]
    [InlineData(0, 2, 3, "a storage of 3")]
    [InlineData(0, 2, long.MaxValue, "a storage of 3")]
    [InlineData(long.MaxValue, 1, 1, "a storage of 3")]
    [InlineData(0, -1, 1, "no number from 0 on")]
    [InlineData(0, 1, -1, "no number from 0 on")]
    [InlineData(0, 1L << 31, 0, "no number from 0 on")]
    [InlineData(0, int.MaxValue, 0, "more elements than")]
    [InlineData(0, 1 << 20, 0, "more than 4 times the bytes")]
    public void A_view_that_leaves_its_storage_or_repeats_without_bound_is_refused(long offset, long extent, long stride, string says)
    {
        byte[] pickle = Pickle("}", Text("x"), Tensor("0", 3, Integer(offset), Integer(extent), Integer(stride)), "s.");
        Assert.Contains(says, Assert.Throws<FileFormatException>(() => Open(_folder, pickle, ("0", new byte[12]))).Message);
    }

    [Theory]
    [InlineData(3L, 11, "need 12")]
    [InlineData(3L, 13, "need 12")]
    [InlineData(long.MaxValue, 12, "elements")]
    [InlineData(-3L, 12, "elements")]
    public void A_storage_of_another_size_than_claimed_is_refused(long claimed, int bytes, string says)
    {
        byte[] pickle = Pickle("}", Text("x"), Tensor("0", claimed, Integer(0), Integer(1), Integer(1)), "s.");
        Assert.Contains(says, Assert.Throws<FileFormatException>(() => Open(_folder, pickle, ("0", new byte[bytes]))).Message);
    }

    [Fact]
    public void A_storage_that_is_not_in_the_archive_is_named()
    {
        byte[] pickle = Pickle("}", Text("x"), Tensor("../../etc", 3, Integer(0), Integer(1), Integer(1)), "s.");
        Assert.Contains("data/../../etc", Assert.Throws<FileFormatException>(() => Open(_folder, pickle, ("0", new byte[12]))).Message);
    }

    [Fact]
    public void A_zip_bomb_is_refused_before_it_is_unpacked()
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            using Stream entry = zip.CreateEntry("bomb/data.pkl", CompressionLevel.SmallestSize).Open();
            entry.Write(new byte[10_000_000]);
        }
        var error = Assert.Throws<FileFormatException>(() => StateDict.Open(_folder.With("bomb.pth", bytes.ToArray())));
        Assert.Contains("unpack to more than", error.Message);
    }

    [Fact]
    public void An_archive_of_empty_deflate_blocks_is_refused_before_it_is_unpacked()
    {
        // Stored blocks of length 0, then the last block: 200 KB that unpack to nothing.
        byte[] blocks = [.. Enumerable.Repeat((byte[])[0, 0, 0, 0xFF, 0xFF], 40_000).SelectMany(block => block), 3, 0];
        byte[] pickle = Pickle("}", Text("w"), Tensor("0", 0, Integer(0), Integer(0), Integer(1)), "s.");
        byte[] zip = Zip([("hand/data.pkl", pickle), ("hand/data/0", blocks)]);
        int entry = zip.AsSpan().LastIndexOf("PK\x1\x2"u8);
        zip[entry + 10] = 8;
        zip.AsSpan(entry + 24, 4).Clear();
        var error = Assert.Throws<FileFormatException>(() => StateDict.Open(_folder.With("blocks.pth", zip)));
        Assert.Contains("is packed in 200002 bytes and unpacks to 0", error.Message);
    }

    [Fact]
    public void A_checkpoint_that_holds_itself_ends()
    {
        byte[] pickle = Pickle("}q\0", Text("state_dict"), "h\0s.");
        Assert.Throws<FileFormatException>(() => Open(_folder, pickle));
    }

    [Theory]
    [InlineData("wrapped.pth")]
    [InlineData("parameters.legacy.pth")]
    [InlineData("with_step.pth")]
    public void A_file_cut_at_any_byte_is_a_typed_error(string file)
    {
        byte[] whole = Bytes(file);
        for (int length = 0; length < whole.Length; length++)
        {
            string path = _folder.With("cut.pth", whole.AsSpan(0, length));
            Assert.Throws<FileFormatException>(() => ReadAll(path));
        }
    }

    [Theory]
    [InlineData("wrapped.pth")]
    [InlineData("plain.legacy.pth")]
    [InlineData("deflated.pth")]
    [InlineData("protocol4.pth")]
    public void Any_few_changed_bytes_give_numbers_or_a_typed_error(string file)
    {
        byte[] whole = Bytes(file);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte).Array[1, 4].Sample(changes =>
        {
            byte[] mutant = [.. whole];
            foreach ((int at, byte value) in changes)
                mutant[at] = value;
            try
            {
                ReadAll(_folder.With("mutant.pth", mutant));
            }
            catch (FileFormatException) { }
        }, iter: 1000, threads: 1);
    }

    private static void ReadAll(string path)
    {
        using StateDict dict = StateDict.Open(path);
        foreach (StateDictEntry entry in dict.Entries)
            _ = entry.Type.IsFloating ? entry.Read().Length : entry.ReadBytes().Length;
    }
}
