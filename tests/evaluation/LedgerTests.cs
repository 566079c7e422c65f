using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Iba;
using Iba.Datasets;
using Iba.Evaluation;
using Xunit;

namespace Tests.Evaluation;

/// <summary>The ledger of an evaluation: what is written comes back, and nothing but the last incomplete record is ever lost.</summary>
public sealed class LedgerTests : IDisposable
{
    private static readonly EvaluationSettings
        OfPhotos = Settings(null, "boxes", ("classes", "all")), Gradient = Settings("gradient", "boxes", ("classes", "all"), ("as-published", "no"));

    private readonly TemporaryFolder _folder = new();

    private string Run => _folder["run"];

    private string FilePath => Path.Combine(Run, "ledger.jsonl");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Records_come_back_as_they_were_written()
    {
        EvaluationRecord[] records =
        [
            Measured("katze/ä \"1\".png", 0.1, double.NaN, -1e-300), Measured("b.png", 1.0 / 3) with { Arithmetic = new Arithmetic("cuda:0 H200", "bf16") },
            Measured("c.png"), Measured("d.png", 1) with { Arithmetic = null, TargetFrom = TargetSource.Prediction }, LeftOut("e.png", "its boxes\ncover 0.5"),
        ];
        Write(records);
        LedgerContents read = Ledger.Open(Run);
        Assert.Equal(records.Select(Ledger.Line), read.Records.Select(Ledger.Line));
        Assert.Equal([0.1, double.NaN, -1e-300], ((Measurement)read.Records[0])["score"]);
        Assert.Equal(((Measurement)records[1]).Arithmetic, ((Measurement)read.Records[1]).Arithmetic);
        Assert.Equal([OfPhotos.Id, Gradient.Id], read.Settings.Keys);
        Assert.Equal(Gradient.Values, read.Settings[Gradient.Id].Values);
        Assert.Equal((7, 0, 3), (read.Photos, read.Notes.Count, read.Arithmetics.Count + 1));
        Assert.DoesNotContain(Environment.MachineName, File.ReadAllText(FilePath));
    }

    [Fact]
    public void A_file_that_ends_within_its_last_record_loses_that_record_only()
    {
        Write(Measured("a.png", 1), LeftOut("b.png", "no box"));
        byte[] before = File.ReadAllBytes(FilePath);
        Write(Measured("c.png", 0.25, double.NaN));
        byte[] whole = File.ReadAllBytes(FilePath);
        for (int length = before.Length; length < whole.Length; length++)
        {
            File.WriteAllBytes(FilePath, whole[..length]);
            LedgerContents read = Ledger.Open(Run);
            Assert.Equal((2, 7, length > before.Length ? 1 : 0), (read.Records.Count, read.Photos, read.Notes.Count));
            // A power failure can also leave zeros where bytes were not written yet.
            File.WriteAllBytes(FilePath, [.. whole[..length], .. new byte[whole.Length - length]]);
            Assert.Equal(2, Ledger.Open(Run).Records.Count);
            Write(Measured("c.png", 0.25, double.NaN));
            Assert.Equal(whole, File.ReadAllBytes(FilePath));
        }
    }

    [Fact]
    public void Damage_before_the_last_record_is_named_and_changes_nothing()
    {
        Write(Measured("a.png", 1), Measured("b.png", 2), Measured("c.png", 3));
        byte[] whole = File.ReadAllBytes(FilePath);
        int[] ends = [.. Enumerable.Range(0, whole.Length).Where(i => whole[i] == (byte)'\n')];
        foreach (int at in (int[])[5, ends[0] + 20, ends[3] + 30, ends[4] - 3, ends[1]])
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= 1;
            File.WriteAllBytes(FilePath, damaged);
            int line = ends.TakeWhile(end => end < at).Count() + 1;
            LedgerException refused = Assert.Throws<LedgerException>(() => Ledger.Open(Run));
            Assert.Contains($"line {line} is damaged", refused.Message);
            Assert.Contains("ledger.jsonl", refused.Message);
            Assert.Throws<LedgerException>(() => Write(Measured("d.png", 4)));
            Assert.Equal(damaged, File.ReadAllBytes(FilePath));
        }
    }

    [Theory]
    [InlineData("image", "null")]
    [InlineData("sha256", "null")]
    [InlineData("settings", "null")]
    [InlineData("method", "null")]
    [InlineData("measure", "7")]
    [InlineData("target", "-5")]
    [InlineData("target", "1e12")]
    [InlineData("numbers", "{}")]
    [InlineData("numbers", "null")]
    [InlineData("photos", "-1")]
    public void A_line_that_makes_no_sense_is_damaged_whatever_its_check_says(string member, string value)
    {
        Write(Measured("a.png", 1), Measured("b.png", 2));
        string[] lines = File.ReadAllLines(FilePath);
        JsonObject line = JsonNode.Parse(lines[^2])!.AsObject();
        line.Remove("check");
        line[member] = JsonNode.Parse(value);
        string body = line.ToJsonString()[..^1];
        lines[^2] = $"{body},\"check\":\"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(body)))[..16]}\"}}";
        File.WriteAllText(FilePath, string.Join('\n', lines) + "\n");
        Assert.Contains($"line {lines.Length - 1} is damaged", Assert.Throws<LedgerException>(() => Ledger.Open(Run)).Message);
    }

    [Fact]
    public void A_quantity_that_a_record_lacks_is_named()
    {
        string message = Assert.Throws<LedgerException>(() => Measured("a.png", 1)["other"]).Message;
        Assert.Contains("a.png: its record of gradient by boxes has no 'other'", message);
        Assert.Throws<LedgerException>(() => Measured("a.png")["score"]);
    }

    [Fact]
    public void An_infinite_number_is_kept_as_undefined()
    {
        Write(Measured("a.png", double.PositiveInfinity, 1));
        Assert.Equal([double.NaN, 1], ((Measurement)Ledger.Open(Run).Records[0])["score"]);
    }

    [Fact]
    public void A_pipe_in_a_ledgers_place_is_named_and_not_waited_for()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "FIFOs are Unix's");
        Directory.CreateDirectory(Run);
        using (Process made = Process.Start("mkfifo", [FilePath]))
            made.WaitForExit();
        Assert.Contains("it is a pipe or a device", Assert.Throws<LedgerException>(() => Ledger.Open(Run)).Message);
        Assert.Throws<LedgerException>(() => Open().Dispose());
    }

    [Fact]
    public void One_process_writes_to_a_shard()
    {
        using (Open())
        {
            LedgerException refused = Assert.Throws<LedgerException>(() => Open().Dispose());
            Assert.Contains("another process is writing", refused.Message);
            Open(new Shard(1, 3)).Dispose();
            Assert.Empty(Ledger.Open(Run).Records);
        }
        // What a killed process leaves: the file of the lock, which nobody holds.
        Assert.True(File.Exists(Path.Combine(Run, "ledger.lock")));
        Open().Dispose();
    }

    [Fact]
    public void Other_settings_are_refused_and_named()
    {
        Write(Measured("a.png", 1));
        EvaluationSettings other = Settings("gradient", "boxes", ("classes", "target"), ("as-published", "no"));
        LedgerException refused = Assert.Throws<LedgerException>(() => new Ledger(Run, Shard.Whole, [other], 7).Dispose());
        Assert.Contains("gradient by boxes with other settings: classes is all, not target", refused.Message);
        // A further method or measure is welcome.
        new Ledger(Run, Shard.Whole, [Settings("random", "boxes"), Settings("gradient", "degradation-8")], 7).Dispose();
        Assert.Equal(4, Ledger.Open(Run).Settings.Count);
    }

    [Fact]
    public void Parts_joined_in_any_order_are_the_bytes_of_one_run()
    {
        EvaluationRecord[] records =
            [.. Enumerable.Range(0, 9).Select(i => i == 4 ? LeftOut("4.png", "no box") : (EvaluationRecord)Measured($"{8 - i}.png", i))];
        Write(records);
        Ledger.Merge([Run], _folder["one"]);
        byte[] one = File.ReadAllBytes(_folder["one/ledger.jsonl"]);
        for (int part = 0; part < 3; part++)
        {
            using Ledger ledger = Open(new Shard(part, 3), $"part{part}");
            ledger.Append(records.Where((_, i) => i % 3 == part));
        }
        LedgerContents joined = Ledger.Merge([_folder["part2"], _folder["part0"], _folder["part1"], _folder["part0"]], _folder["joined"]);
        Assert.Equal(9, joined.Records.Count);
        Assert.Equal(one, File.ReadAllBytes(_folder["joined/ledger.jsonl"]));
        Assert.Equal(records.Select(Ledger.Line).Order(), Ledger.Open(_folder["joined"]).Records.Select(Ledger.Line).Order());
        Assert.Contains("holds a ledger already", Assert.Throws<LedgerException>(() => Ledger.Merge([Run], _folder["joined"])).Message);
    }

    [Fact]
    public void Parts_that_disagree_are_refused()
    {
        Write(Measured("a.png", 1));
        using (Ledger other = Open(Shard.Whole, "other"))
            other.Append([Measured("a.png", 2)]);
        LedgerException refused = Assert.Throws<LedgerException>(() => Ledger.Merge([Run, _folder["other"]], _folder["joined"]));
        Assert.Contains("a.png", refused.Message);
        Assert.False(Directory.Exists(_folder["joined"]));
    }

    [Fact]
    public void Parts_of_other_settings_or_of_another_network_are_refused()
    {
        Write(Measured("a.png", 1));
        EvaluationSettings published = Settings("gradient", "boxes", ("classes", "all"), ("as-published", "yes"));
        new Ledger(_folder["other"], Shard.Whole, [published], 7).Dispose();
        new Ledger(_folder["network"], Shard.Whole, [Settings("random", "total", ("network", "vgg16"))], 7).Dispose();
        LedgerException refused = Assert.Throws<LedgerException>(() => Ledger.Merge([Run, _folder["other"]], _folder["joined"]));
        Assert.Contains("gradient by boxes with other settings: as-published is no, not yes", refused.Message);
        refused = Assert.Throws<LedgerException>(() => Ledger.Merge([Run, _folder["network"]], _folder["joined"]));
        Assert.Contains("network is absent, not vgg16", refused.Message);
        Assert.Throws<LedgerException>(() => new Ledger(_folder["network"], Shard.Whole, [published], 7).Dispose());
        // Two processes that began at the same time did not see each other.
        File.Copy(_folder["other/ledger.jsonl"], Path.Combine(Run, "ledger-2-of-2.jsonl"));
        Assert.Contains("as-published", Assert.Throws<LedgerException>(() => Ledger.Open(Run)).Message);
    }

    [Fact]
    public void Records_of_two_files_of_one_name_are_not_joined()
    {
        Write(Measured("a.png", 1));
        using (Ledger other = Open(Shard.Whole, "other"))
            other.Append([Measured("a.png", 1) with { Sha256 = "00" }]);
        Assert.Contains("its record of a.png", Assert.Throws<LedgerException>(() => Ledger.Merge([Run, _folder["other"]], _folder["joined"])).Message);
    }

    [Fact]
    public void A_folder_without_a_ledger_is_named()
    {
        Assert.Contains("there is no such folder", Assert.Throws<LedgerException>(() => Ledger.Open(Run)).Message);
        Directory.CreateDirectory(Run);
        Assert.Contains("holds no ledger", Assert.Throws<LedgerException>(() => Ledger.Open(Run)).Message);
        File.WriteAllText(_folder["file"], "");
        Assert.Contains("cannot be written", Assert.Throws<LedgerException>(() => new Ledger(_folder["file"], Shard.Whole, [], 1)).Message);
    }

    private static EvaluationSettings Settings(string? method, string measure, params (string Name, string Value)[] values) =>
        new(method, measure, new SortedDictionary<string, string>(values.ToDictionary(each => each.Name, each => each.Value), StringComparer.Ordinal));

    private static Measurement Measured(string image, params double[] values) =>
        new(image, "gradient", "boxes", 3, TargetSource.Folder, [new("score", values), new("box_pixels", 12)])
        {
            Settings = Gradient.Id,
            Sha256 = Convert.ToHexStringLower(Encoding.UTF8.GetBytes(image)),
            Arithmetic = new Arithmetic("cpu", "fp32", true, 512),
        };

    private static LeftOutPhoto LeftOut(string image, string reason) => new(image, "boxes", reason) { Settings = OfPhotos.Id, Sha256 = "00" };

    private Ledger Open(Shard? shard = null, string folder = "run") => new(_folder[folder], shard ?? Shard.Whole, [OfPhotos, Gradient], 7);

    private void Write(params EvaluationRecord[] records)
    {
        using Ledger ledger = Open();
        ledger.Append(records);
    }
}
