using System.Security.Cryptography;
using System.Text;
using Iba.Engine.Files;
using Xunit;

namespace Tests.Engine;

/// <summary>The hash for machines without OpenSSL.</summary>
public sealed class Sha256HashTests
{
    /// <summary>FIPS 180-4's examples, and the hash of nothing.</summary>
    [Theory]
    [InlineData("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [InlineData("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")]
    public void The_standards_examples_are_met(string text, string expected)
    {
        using var hash = new Sha256Hash(inSystem: false);
        hash.Add(Encoding.ASCII.GetBytes(text));
        Assert.Equal(expected, Convert.ToHexStringLower(hash.Take()));
    }

    /// <summary>Around every boundary of a block, whole and in two parts, from one object.</summary>
    [Fact]
    public void It_is_the_systems_for_every_length_and_every_cut()
    {
        var bytes = new byte[200];
        new Random(1).NextBytes(bytes);
        using Sha256Hash own = new(inSystem: false), system = new(inSystem: true);
        for (int length = 0; length <= bytes.Length; length++)
        {
            byte[] expected = SHA256.HashData(bytes.AsSpan(0, length));
            for (int cut = 0; cut <= length; cut += 7)
            {
                foreach (Sha256Hash hash in (Sha256Hash[])[own, system])
                {
                    hash.Add(bytes.AsSpan(0, cut));
                    hash.Add(bytes.AsSpan(cut, length - cut));
                    Assert.Equal(expected, hash.Take());
                }
            }
        }
    }
}
